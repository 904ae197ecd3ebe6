import { cp, mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { ShardWriter } from '@warpforge/webdataset';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { logLines, runCli, runHere } from './cli.ts';
import type { Outcome } from './cli.ts';
import { stripes, temporaryFolder, writeShards } from './shards.ts';
import type { TemporaryFolder } from './shards.ts';
import { trainHere } from './train-here.ts';

let folder: TemporaryFolder;
let notes = '';
const path = (name: string): string => join(folder.path, name);

beforeAll(async () => {
  folder = await temporaryFolder();
  for (const [name, firstKey] of [
    ['a', 0],
    ['b', 1000],
  ] as const) {
    await mkdir(path(name));
    await writeShards(path(name), { samples: 32, samplesPerShard: 8, firstKey });
  }
  await mkdir(path('damaged'));
  await writeDamaged(path('damaged'));
});
afterAll(() => folder[Symbol.asyncDispose]());

beforeEach(() => {
  notes = '';
  const write = vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    notes += String(text);
    return true;
  });
  return () => write.mockRestore();
});

/** 60 samples in three shards; every sixth has an image that cannot be decoded. */
async function writeDamaged(directory: string): Promise<void> {
  await using writer = new ShardWriter({ directory, maxCount: 20 });
  for (let index = 0; index < 60; index++) {
    const image = stripes(16, 16, index % 4, index);
    await writer.write({ __key__: `key-${index}`, jpg: index % 6 === 3 ? image.subarray(0, 300) : image, cls: index % 4 });
  }
  await writer.close();
}

/** Both roots; an epoch has 8 steps. */
const both = () => ({ train_root_a: path('a'), train_root_b: path('b') });
const damaged = () => ({ train_root_a: path('damaged'), on_error: 'skip' });

describe('SIGTERM', () => {
  const args = (...flags: string[]): string[] => [
    ...['run', '--train-root-a', path('a'), '--train-root-b', path('b'), '--batch-size', '8', '--num-workers', '1', '--classes', '4'],
    ...['--threads', '1', '--width', '8', '--depth', '2', '--log-every', '1', ...flags],
  ];
  const succeeded = async (outcome: Promise<Outcome>): Promise<Outcome> => {
    const { exit, stderr, stdout } = await outcome;
    expect(exit, stderr).toBe(0);
    return { exit, stderr, stdout };
  };

  it('writes a checkpoint and exits 0; going on gives the very losses of the run that nothing interrupted', async () => {
    // The schedule and the augmentation go on where they were, too.
    const whole = args('--epochs', '20', '--schedule', 'cosine', '--warmup-steps', '5', '--augment', 'crop-flip');
    const flags = [...whole, '--checkpoint', path('terminated')];
    let stopped = false;
    const first = await succeeded(
      runCli(flags, (line, child) => {
        if (!stopped && line.startsWith('step=3 ')) stopped = child.kill('SIGTERM');
      }),
    );
    expect(first.stderr).toContain(`stopped by SIGTERM; --resume goes on from ${path('terminated')}`);
    const second = await succeeded(runCli([...flags, '--resume', '--num-workers', '0']));
    const { stdout } = await succeeded(runHere(whole));
    expect(logLines(stdout)).toHaveLength(160);
    expect([...logLines(first.stdout), ...logLines(second.stdout)]).toEqual(logLines(stdout));
  });

  it('before the first step leaves a checkpoint, too', async () => {
    const flags = args('--steps', '120', '--checkpoint', path('early'));
    const first = await succeeded(
      runCli(flags, undefined, {}, (note, child) => {
        if (note.startsWith('images=')) child.kill('SIGTERM');
      }),
    );
    // None, unless this process was very late.
    const done = logLines(first.stdout).length;
    const second = await succeeded(runHere([...flags, '--resume']));
    expect(second.stderr).toContain(`resumed=${path('early')}  step=${done}\n`);
    expect(logLines(second.stdout)).toHaveLength(120 - done);
  });
});

describe('a training that is cut anywhere, however often, and goes on', () => {
  it.each([
    ['with both roots', () => both()],
    ['with augmentation', () => ({ ...both(), augment: 'crop-flip' })],
    ['with damaged samples that are skipped', () => damaged()],
  ])('has the losses and the images of the one that nothing interrupted, %s', async (_, settings) => {
    const steps = 18;
    const whole = await trainHere({ ...settings(), steps });
    expect(new Set(whole.losses).size).toBe(steps);
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.integer({ min: 1, max: steps - 1 }), { minLength: 1, maxLength: 3 }), async (cuts) => {
        const checkpoint = path('cut');
        await rm(checkpoint, { force: true });
        const losses: number[] = [];
        const keys: (readonly string[])[] = [];
        for (const [index, stopBehind] of [...cuts.toSorted((a, b) => a - b), steps].entries()) {
          const part = await trainHere({ ...settings(), steps, checkpoint }, { resume: index > 0, stopBehind });
          losses.push(...part.losses);
          keys.push(...part.keys);
        }
        expect(keys).toEqual(whole.keys);
        expect(losses).toEqual(whole.losses);
      }),
      { numRuns: 3 },
    );
  });

  it('may find its roots somewhere else', async () => {
    const checkpoint = path('moving');
    const whole = await trainHere({ ...both(), steps: 6 });
    const first = await trainHere({ ...both(), steps: 6, checkpoint }, { stopBehind: 3 });
    for (const root of ['a', 'b']) await cp(path(root), path(`moved/${root}`), { recursive: true });
    const moved = { train_root_a: path('moved/a'), train_root_b: path('moved/b') };
    const second = await trainHere({ ...moved, steps: 6, checkpoint }, { resume: true });
    expect([...first.losses, ...second.losses]).toEqual(whole.losses);
  });
});

describe('epochs', () => {
  it('are as many steps as there are full batches, with a schedule that ends where they end', async () => {
    const { losses, keys, result } = await trainHere({ ...both(), epochs: 2 });
    expect(notes).toContain('samples=64\n');
    expect(result.progress).toMatchObject({ step: 16, position: { epoch: 1, batch: 8 } });
    for (const epoch of [keys.slice(0, 8), keys.slice(8)]) expect(new Set(epoch.flat()).size).toBe(64);
    // The same as so many steps.
    expect((await trainHere({ ...both(), steps: 16 })).losses).toEqual(losses);
  });

  it('need no count of the samples when the learning rate stays', async () => {
    const { result } = await trainHere({ ...both(), epochs: 1, schedule: 'constant' });
    expect(notes).not.toContain('samples=');
    expect(result.progress.step).toBe(8);
  });

  it('count the samples of shards without an index by reading them once', async () => {
    const root = path('unindexed');
    await cp(path('a'), root, { recursive: true });
    for (const name of await readdir(root)) if (name.endsWith('.idx')) await rm(join(root, name));
    vi.stubEnv('XDG_CACHE_HOME', path('cache'));
    try {
      await trainHere({ train_root_a: root, epochs: 1 });
      expect(notes).toMatch(/^samples=32 {2}\(4 shards had no index and were read to count them, in \d+\.\d s\)$/m);
      notes = '';
      await trainHere({ train_root_a: root, epochs: 1 });
      expect(notes).toMatch(/^samples=32$/m);
    } finally {
      vi.unstubAllEnvs();
    }
    expect((await readdir(root)).every((name) => name.endsWith('.tar'))).toBe(true);
  });
});

describe('augmentation', () => {
  it('changes the images, by seed and key alone: the same for any number of threads', async () => {
    const losses = async (augment: string, workers = 0) => (await trainHere({ ...both(), steps: 6, augment, num_workers: workers })).losses;
    const [none, flip, crop] = [await losses('none'), await losses('flip'), await losses('crop')];
    expect(flip).not.toEqual(none);
    expect(crop).not.toEqual(none);
    expect(crop).not.toEqual(flip);
    expect(await losses('crop', 2)).toEqual(crop);
  });
});

describe('both roots', () => {
  it('are read side by side: no stretch of an epoch is of one of them alone', async () => {
    const { keys, result } = await trainHere({ ...both(), epochs: 1 });
    for (const batch of keys) expect(new Set(batch.map((key) => Number(key) < 1000)).size).toBe(2);
    expect(result.read.bytesByRoot.map(({ root }) => root)).toEqual([path('a'), path('b')]);
    for (const { bytes } of result.read.bytesByRoot) expect(bytes).toBeGreaterThan(4 * 8 * 1024);
  });
});

describe('damaged samples', () => {
  it.each(['skip', 'warn'])('are left out by the policy %s, and counted; every batch is full', async (policy) => {
    const { result, keys } = await trainHere({ ...damaged(), on_error: policy, epochs: 1, schedule: 'constant' });
    // 50 good ones of 60, in batches of 8.
    expect(result).toMatchObject({ progress: { step: 6 }, total: { images: 48 }, read: { skipped: 10 } });
    expect(keys.flat().filter((key) => Number(key.slice(4)) % 6 === 3)).toEqual([]);
  });

  it('end the training with an error when there are more than the limit', async () => {
    const limited = trainHere({ ...damaged(), max_failures: 4, steps: 20 });
    await expect(limited).rejects.toMatchObject({ code: 'WDS_TOO_MANY_FAILURES' });
  });

  it('end the epoch with the policy stop', async () => {
    const stopped = trainHere({ ...damaged(), on_error: 'stop', epochs: 1, schedule: 'constant', batch_size: 1, seed: 1 });
    const { result } = await stopped;
    expect(result.progress.step).toBeGreaterThan(0);
    expect(result.progress.step).toBeLessThan(50);
  });

  it('that are the very first ones tell the shape of images no less', async () => {
    const root = path('first-damaged');
    await mkdir(root);
    await using writer = new ShardWriter({ directory: root, maxCount: 8 });
    for (let index = 0; index < 24; index++) {
      const image = stripes(16, 16, index % 4, index);
      await writer.write({ __key__: `key-${index}`, jpg: index === 0 ? image.subarray(0, 300) : image, cls: index % 4 });
    }
    await writer.close();
    const { result } = await trainHere({ train_root_a: root, on_error: 'skip', epochs: 1, schedule: 'constant' });
    expect(result).toMatchObject({ progress: { step: 2 }, read: { skipped: 1 } });
    await expect(trainHere({ train_root_a: root, steps: 1 })).rejects.toMatchObject({ code: 'WDS_DECODE' });
  });
});

describe('a label that is no class', () => {
  it('of the first sample of any root is found before anything is started', async () => {
    const [root, tests] = [path('label'), path('label-test')];
    for (const [each, label] of [
      [root, 4],
      [tests, -1],
    ] as const) {
      await mkdir(each);
      await using writer = new ShardWriter({ directory: each });
      await writer.write({ __key__: 'one', jpg: stripes(16, 16, 1, 1), cls: label });
      await writer.close();
    }
    const fault = (label: number) => ({
      code: 'LABEL_OUT_OF_RANGE',
      message: expect.stringContaining(
        `sample "one": the label ${label} is not in 0 to 3; set --classes to the number of classes`,
      ) as string,
    });
    await expect(trainHere({ train_root_a: path('a'), train_root_b: root })).rejects.toMatchObject(fault(4));
    await expect(trainHere({ ...both(), eval_roots: [tests] })).rejects.toMatchObject(fault(-1));
    expect(notes).not.toContain('images=');
  });
});
