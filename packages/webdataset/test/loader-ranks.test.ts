import { statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { integer } from '../src/decode/decoders.ts';
import { Loader } from '../src/loader.ts';
import type { LoaderOptions } from '../src/loader/loader-options.ts';
import { ShardWriter } from '../src/shard-writer.ts';
import { type Kind, writeShards as randomShards } from './random-dataset.ts';
import { temporaryFolder } from './support.ts';

const fields = { label: integer({ from: ['cls'] }) };
type Options = LoaderOptions<typeof fields>;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

let written = 0;
/** A shard for each count, without an index beside it; labels go on over the shards. */
async function writeShards(counts: readonly number[]): Promise<string[]> {
  const paths: string[] = [];
  let label = 0;
  for (const count of counts) {
    await using writer = new ShardWriter({ directory: folder.path, pattern: `ranks-${written++}-%d.tar` });
    for (let index = 0; index < count; index++) await writer.write({ __key__: String(label), cls: label++ });
    for (const { path } of await writer.close()) {
      await rm(path.replace(/\.tar$/, '.idx'), { force: true });
      paths.push(path);
    }
  }
  return paths;
}

async function labelsOf(options: Partial<Options> & { shards: Options['shards'] }, epoch = 0): Promise<number[]> {
  await using loader = await Loader.open({
    fields,
    batchSize: 3,
    workers: 0,
    shuffleBuffer: 5,
    indexDir: join(folder.path, 'index'),
    ...options,
  });
  const labels: number[] = [];
  for await (const batch of loader.epoch(epoch)) {
    labels.push(...batch.label);
    batch.release();
  }
  if (loader.samplesPerEpoch !== undefined) expect(labels.length).toBe(loader.samplesPerEpoch);
  return labels;
}

const sorted = (numbers: Iterable<number>): number[] => [...numbers].sort((a, b) => a - b);

describe('ranks', () => {
  it('share an epoch: equal runs of the one canonical order, which lose and repeat no more than the remainder', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 2, max: 4 }),
        fc.constantFrom('pad' as const, 'drop' as const),
        fc.boolean(),
        async (counts, worldSize, remainder, shuffle) => {
          const total = counts.reduce((sum, count) => sum + count, 0);
          fc.pre(remainder === 'pad' || total >= worldSize);
          const shards = await writeShards(counts);
          const runs = await Promise.all(
            Array.from({ length: worldSize }, (_, rank) => labelsOf({ shards, rank, worldSize, remainder, shuffle }, 3)),
          );
          const each = remainder === 'pad' ? Math.ceil(total / worldSize) : Math.floor(total / worldSize);
          expect(runs.map(({ length }) => length)).toEqual(new Array(worldSize).fill(each));
          const all = runs.flat();
          expect(new Set(all).size).toBe(Math.min(total, each * worldSize));
          // One process by itself goes the same way, but for the shuffle buffer.
          if (shuffle) return;
          const alone = await labelsOf({ shards, shuffle });
          expect(all).toEqual(Array.from({ length: each * worldSize }, (_, index) => alone[index % total]));
        },
      ),
      { numRuns: 25 },
    );
  });

  it('that begin in the middle of a shard do not read what lies before, unless the shard has global headers', async () => {
    const good = new Array<Kind>(12).fill('good');
    for (const global of [false, true]) {
      const { folder: set, shards } = await randomShards(folder.path, [[{ kinds: good, left: 1, global, gzip: false }]]);
      const size = statSync(shards[0]![0]!).size;
      for (const rank of [0, 1, 2]) {
        const world = { shards, fields, batchSize: 3, workers: 0, worldSize: 3, rank, shuffle: false, indexDir: join(set, 'index') };
        await using loader = await Loader.open(world);
        const labels: number[] = [];
        for await (const batch of loader.epoch(0)) {
          labels.push(...batch.label);
          batch.release();
        }
        expect(labels).toEqual([0, 1, 2, 3].map((index) => 4 * rank + index));
        expect(Math.round((4 * loader.stats().read.bytes) / size)).toBe(global || rank === 0 ? 4 : 4 - Math.round((4 * rank) / 3));
      }
    }
  });

  it('that have no index, and may not make one, fail with WDS_INDEX_REQUIRED naming the shards', async () => {
    const shards = await writeShards([2, 3]);
    const world = { shards, fields, batchSize: 1, rank: 0, worldSize: 2, workers: 0, indexDir: join(folder.path, 'none') };
    await expect(Loader.open({ ...world, index: 'existing' })).rejects.toMatchObject({
      code: 'WDS_INDEX_REQUIRED',
      message: expect.stringContaining(shards[1]!) as string,
    });
    await expect(Loader.open({ ...world, remainder: 'error' })).rejects.toMatchObject({
      code: 'WDS_UNEQUAL',
      message: expect.stringContaining('5 samples') as string,
    });
    await using loader = await Loader.open(world);
    expect(loader.samplesPerEpoch).toBe(3);
  });

  it('need no index where the samples of an epoch are agreed: each has shards of its own', async () => {
    const shards = await writeShards([4, 4, 4, 4]);
    const agreed = { shards, worldSize: 2, samplesPerEpoch: 20, index: 'existing' as const, shuffle: false };
    expect(await labelsOf({ ...agreed, rank: 0 })).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 0, 1]);
    expect(await labelsOf({ ...agreed, rank: 1 })).toEqual([8, 9, 10, 11, 12, 13, 14, 15, 8, 9]);
  });

  it('of a data set in groups read from all of them all the time', async () => {
    const groups = [await writeShards([3, 3, 3, 3]), await writeShards([3, 3])];
    await using loader = await Loader.open({ shards: groups, fields, batchSize: 3, workers: 0 });
    const plan = loader.planShards(0);
    expect(plan.length).toBe(6);
    for (const half of [plan.slice(0, 3), plan.slice(3)]) expect(half.filter((shard) => groups[1]!.includes(shard)).length).toBe(1);
    expect(sorted(await labelsOf({ shards: groups }))).toEqual(sorted([...Array(12).keys(), ...Array(6).keys()]));
  });

  it('tell the shards that they will read, in order', async () => {
    const shards = await writeShards([5, 5, 5, 5]);
    const world = {
      shards,
      fields,
      batchSize: 5,
      workers: 0,
      worldSize: 2,
      seed: 9,
      shuffleBuffer: 0,
      indexDir: join(folder.path, 'index'),
    };
    for (const rank of [0, 1]) {
      await using loader = await Loader.open({ ...world, rank });
      const read: string[] = [];
      for await (const batch of loader.epoch(2)) {
        read.push(batch.__url__[0]!);
        batch.release();
      }
      expect(loader.planShards(2)).toEqual(read);
    }
  });

  it('draw with replacement where that is asked for, each differently, anew in each epoch', async () => {
    const shards = await writeShards([2, 2, 2, 2, 2, 2, 2, 2]);
    const draw = (rank: number, epoch: number): Promise<number[]> =>
      labelsOf({ shards, resample: true, rank, worldSize: 2, shuffleBuffer: 0 }, epoch);
    const first = await draw(0, 0);
    expect(first.length).toBe(8);
    expect(await draw(0, 0)).toEqual(first);
    expect(await draw(1, 0)).not.toEqual(first);
    expect(await draw(0, 1)).not.toEqual(first);
  });
});
