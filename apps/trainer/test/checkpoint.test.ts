import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { networkOf } from '../src/model/network.ts';
import { initialState, vectorOf } from '../src/model/training-state.ts';
import { checkSameRun, loadCheckpoint, saveCheckpoint } from '../src/training/checkpoint.ts';
import type { Checkpoint, RunIdentity } from '../src/training/checkpoint.ts';
import { checkWritable } from '../src/training/write-file.ts';
import { temporaryFolder } from './shards.ts';

const network = networkOf({ height: 6, width: 5, channels: 3, classes: 3 }, { model: 'cnn', widths: [2, 4], batchNorm: true });
const optimizer = { kind: 'adamw', weightDecay: 0.01 } as const;
const run: RunIdentity = { network, optimizer, batchSize: 8, seed: 0, dataset: { fingerprint: 'f00d', shards: 20 } };
const start = initialState(network, optimizer, 1);
const checkpoint: Checkpoint = {
  run,
  progress: { step: 17, position: { epoch: 2, batch: 3, state: { walk: [1, 2], buffer: ['a', 'b'] } } },
  state: {
    ...start,
    first_moment: vectorOf(initialState(network, optimizer, 2), 'weights'),
    second_moment: vectorOf(start, 'weights').map(Math.abs),
  },
  best: { step: 10, accuracy: 0.75, loss: 0.5, images: 100 },
};

describe('a checkpoint', () => {
  it('gives back exactly what was saved, and replaces the one before', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'state.safetensors');
    await saveCheckpoint(path, { ...checkpoint, progress: { step: 1, position: { epoch: 0, batch: 1 } } });
    await saveCheckpoint(path, checkpoint);
    expect(await loadCheckpoint(path)).toEqual(checkpoint);
    expect(await readdir(folder.path)).toEqual(['state.safetensors']);
  });

  it('is a safetensors file that names every parameter', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'state.safetensors');
    await saveCheckpoint(path, checkpoint);
    const bytes = await readFile(path);
    const headerLength = Number(bytes.readBigUInt64LE(0));
    const header = JSON.parse(bytes.toString('utf8', 8, 8 + headerLength)) as Record<
      string,
      { dtype: string; shape: number[]; data_offsets: [number, number] }
    >;
    expect((8 + headerLength) % 8).toBe(0);
    expect(header['__metadata__']).toMatchObject({ format: 'warpforge-checkpoint/2' });
    expect(header['convolution2.weight']).toMatchObject({ dtype: 'F32', shape: [4, 2, 3, 3] });
    expect(header['second_moment.classifier.bias']?.shape).toEqual([3]);
    // The convolutions' first weights lie at the very beginning of the data.
    const [from, to] = header['convolution1.weight']!.data_offsets;
    const first = Array.from({ length: (to - from) / 4 }, (_, index) => bytes.readFloatLE(8 + headerLength + from + 4 * index));
    expect(first).toEqual([...vectorOf(checkpoint.state, 'weights').subarray(0, 2 * 3 * 9)]);
  });

  it('refuses a file with any byte changed, or cut off anywhere', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'state.safetensors');
    await saveCheckpoint(path, checkpoint);
    const bytes = await readFile(path);
    const refused = async (damaged: Uint8Array): Promise<void> => {
      await writeFile(path, damaged);
      await expect(loadCheckpoint(path)).rejects.toMatchObject({
        code: 'CHECKPOINT_CORRUPT',
        message: expect.stringContaining(path) as string,
      });
    };
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (index, change) => {
        const damaged = Uint8Array.from(bytes);
        damaged[index]! ^= change;
        try {
          await writeFile(path, damaged);
          // What is not refused was not harmed: white space of the header, or the case of a hexadecimal number.
          expect(await loadCheckpoint(path)).toEqual(checkpoint);
        } catch (error) {
          expect(error).toMatchObject({ code: 'CHECKPOINT_CORRUPT' });
        }
      }),
      { numRuns: 200 },
    );
    for (const length of [0, 7, 8, 100, 1000, bytes.length - 1]) await refused(bytes.subarray(0, length));
    await refused(Buffer.from('step: 5\n'));
    await refused(Buffer.concat([Buffer.from([255, 255, 255, 255, 255, 255, 255, 255]), bytes]));
  });

  it('says when it is not there', async () => {
    await expect(loadCheckpoint('/nowhere/state.safetensors')).rejects.toMatchObject({
      code: 'CHECKPOINT_MISSING',
      message: expect.stringContaining('cannot read the checkpoint "/nowhere/state.safetensors": ENOENT') as string,
    });
  });

  it('does not replace a good one by weights that are no numbers', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'state.safetensors');
    await saveCheckpoint(path, checkpoint);
    const weights = vectorOf(checkpoint.state, 'weights').slice();
    weights[5] = NaN;
    await expect(saveCheckpoint(path, { ...checkpoint, state: { ...checkpoint.state, weights } })).rejects.toMatchObject({
      code: 'DIVERGED',
    });
    expect(await loadCheckpoint(path)).toEqual(checkpoint);
  });

  it("leaves nothing behind when it can't be written", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'missing', 'state.safetensors');
    await expect(checkWritable(path)).rejects.toMatchObject({
      code: 'FILE_NOT_WRITTEN',
      message: expect.stringContaining(`cannot write "${path}"`) as string,
    });
    await expect(saveCheckpoint(path, checkpoint)).rejects.toMatchObject({ code: 'FILE_NOT_WRITTEN' });
    // A folder can't be replaced by a file.
    await expect(saveCheckpoint(folder.path, checkpoint)).rejects.toMatchObject({ code: 'FILE_NOT_WRITTEN' });
    expect(await readdir(folder.path)).toEqual([]);
    expect(
      (await readdir(join(folder.path, '..'))).filter((name) => name.endsWith('.tmp') && folder.path.includes(name.split('.')[0]!)),
    ).toEqual([]);
  });
});

describe('continuing another run', () => {
  it('is refused, with all differences', () => {
    expect(() => checkSameRun('f', run, run)).not.toThrow();
    const other: RunIdentity = {
      network: networkOf({ height: 28, width: 28, channels: 1, classes: 10 }, { model: 'cnn', widths: [2, 8], batchNorm: false }),
      optimizer: { kind: 'sgd', momentum: 0.9, weightDecay: 0 },
      batchSize: 16,
      seed: 1,
      dataset: { fingerprint: 'beef', shards: 21 },
    };
    expect(() => checkSameRun('state', run, other)).toThrow(
      expect.objectContaining({
        code: 'CHECKPOINT_MISMATCH',
        message:
          '"state" is of another run: the image size was 6x5x3 and is 28x28x1; the number of classes was 3 and is 10; the batch size was 8 and is 16; ' +
          'the seed was 0 and is 1; the network was cnn 2-4 with batch norm and is cnn 2-8; ' +
          'the optimizer was adamw weight_decay=0.01 and is sgd momentum=0.9 weight_decay=0; the data set is another one (20 shards then, 21 now; names, sizes and order count). ' +
          'Give the same settings, or train anew without --resume',
      }),
    );
  });
});
