import { readdirSync } from 'node:fs';
import { cp, mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { integer } from '../src/decode/decoders.ts';
import { Loader } from '../src/loader.ts';
import type { LoaderOptions } from '../src/loader/loader-options.ts';
import type { Batch } from '../src/loader/batch.ts';
import type { LoaderState } from '../src/loader/state.ts';
import type { CustomShard } from '../src/source/shard-input.ts';
import { temporaryFolder, writeImageShards } from './support.ts';
import { type ShardSpec, writeShards } from './random-dataset.ts';

const fields = { label: integer({ from: ['cls'] }) };
type Options = LoaderOptions<typeof fields>;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let shards: string[];
beforeAll(async () => {
  folder = await temporaryFolder();
  shards = await writeImageShards(folder.path, { shards: 3, samplesPerShard: 20 });
});
afterAll(() => folder[Symbol.asyncDispose]());

const options = (more: Partial<Options> = {}): Options => ({
  shards,
  fields,
  batchSize: 4,
  seed: 3,
  shuffleBuffer: 10,
  workers: 0,
  ...more,
});

/** Labels of the rest of an epoch, and how it ended. */
async function rest(batches: AsyncIterable<{ label: Int32Array; release(): void }>): Promise<{ labels: number[]; error: unknown }> {
  const labels: number[] = [];
  try {
    for await (const batch of batches) {
      labels.push(...batch.label);
      batch.release();
    }
    return { labels, error: undefined };
  } catch (error) {
    return { labels, error };
  }
}

/** The state behind some batches of epoch 1, through JSON. */
async function stateAfter(batches: number, opened: Options = options()): Promise<LoaderState> {
  await using loader = await Loader.open(opened);
  let count = 0;
  for await (const batch of loader.epoch(1)) {
    const state = JSON.parse(JSON.stringify(batch.state())) as LoaderState;
    batch.release();
    if (++count === batches) return state;
  }
  throw new Error('the epoch is shorter');
}

const resumed = async (opened: Options, state: LoaderState): ReturnType<typeof rest> => {
  await using loader = await Loader.open(opened);
  return await rest(loader.resume(state));
};

const spec = (kinds: ShardSpec['kinds'], more: Partial<ShardSpec> = {}): ShardSpec => ({
  kinds,
  left: 1,
  global: false,
  gzip: false,
  ...more,
});
const good = (count: number): ShardSpec['kinds'] => new Array<'good'>(count).fill('good');

describe('a state', () => {
  it('is plain data that tells where the epoch stands', async () => {
    const state = await stateAfter(5);
    expect(state).toMatchObject({ version: 1, epoch: 1, position: 20, delivered: 20, failures: 0 });
    expect(state.order).toMatchObject({ seed: 3, rank: 0, worldSize: 1, groups: [3], samplesPerEpoch: null });
    expect(state.buffer.items.length).toBe(10);
    expect(JSON.stringify(state)).not.toContain(folder.path);
  });

  it('lets a walk go on in the middle of a shard, but scans one with global headers from its start', async () => {
    const { shards: sets } = await writeShards(folder.path, [[spec(good(12)), spec(good(12), { global: true })]]);
    const flat = { shards: sets, shuffle: false, batchSize: 5 };
    const first = await stateAfter(1, options(flat));
    expect(first.walk).toMatchObject({ visit: 0, sample: 5, offset: expect.any(Number) as number });
    // The archive of the first five samples alone, without its end.
    const { shards: shorter } = await writeShards(folder.path, [[spec(good(5))]]);
    expect(first.walk.offset).toBe((await readFile(shorter[0]![0]!)).length - 1024);
    expect((await stateAfter(4, options(flat))).walk).toMatchObject({ visit: 1, sample: 8, offset: null });
  });

  it('can be asked for until its batch is released, in any order', async () => {
    await using loader = await Loader.open(options({ slots: 10 }));
    const batches = loader.epoch(1);
    const held: Batch<typeof fields>[] = [];
    for (let count = 0; count < 6; count++) held.push((await batches.next()).value!);
    const states = held.map((batch) => batch.state());
    held[3]!.release();
    held[0]!.release();
    expect(() => held[0]!.state()).toThrow(expect.objectContaining({ code: 'WDS_CLOSED' }));
    for (const index of [5, 2, 4, 1]) expect(held[index]!.state()).toEqual(states[index]);
    await batches.return();
    expect(held[2]!.state(), 'also when the epoch was left').toEqual(states[2]);
    for (const [index, state] of states.entries()) expect(state).toEqual(await stateAfter(index + 1));
    for (const batch of held) batch.release();
    expect((await rest(loader.epoch(1))).labels.length).toBe(60);
  });

  it('stands for the same data set in another folder', async () => {
    const whole = await rest((await Loader.open(options())).epoch(1));
    const state = await stateAfter(4);
    const moved = join(folder.path, 'moved');
    await mkdir(moved);
    for (const shard of shards) await cp(shard, join(moved, shard.slice(shard.lastIndexOf('/'))));
    const there = shards.map((shard) => join(moved, shard.slice(shard.lastIndexOf('/'))));
    expect((await resumed(options({ shards: there }), state)).labels).toEqual(whole.labels.slice(16));
    await truncate(there[1]!, 1000);
    expect((await resumed(options({ shards: there }), state)).error).toMatchObject({
      code: 'WDS_STATE_MISMATCH',
      message: expect.stringContaining('another data set') as string,
    });
  });

  it.each<[string, Partial<Options>, RegExp]>([
    ['seed', { seed: 4 }, /seed was 3, is 4/],
    [
      'world size',
      { worldSize: 2, rank: 1, samplesPerEpoch: 10 },
      /rank was 0, is 1, worldSize was 1, is 2, samplesPerEpoch was null, is 10/,
    ],
    ['shuffle buffer', { shuffleBuffer: 11 }, /shuffleBuffer was 10, is 11/],
    ['shuffling', { shuffle: false }, /shuffle was true, is false/],
    ['members', { fields: { label: integer({ from: ['id', 'cls'] }) } }, /fields was .*"cls".*, is .*"id"/],
  ])('is refused where the %s differs, by name', async (_what, more, message) => {
    const { error } = await resumed(options(more), await stateAfter(2));
    expect(error).toMatchObject({ code: 'WDS_STATE_MISMATCH', message: expect.stringMatching(message) as string });
  });

  it('is refused for other shards, or the same ones in another order', async () => {
    const state = await stateAfter(2);
    const { error } = await resumed(options({ shards: shards.toReversed() }), state);
    expect(error).toMatchObject({ code: 'WDS_STATE_MISMATCH' });
    expect((await resumed(options({ shards: shards.slice(1) }), state)).error).toMatchObject({
      message: expect.stringContaining('groups was [3], is [2]') as string,
    });
  });

  it('is refused when it is none, or of another version', async () => {
    const state = await stateAfter(2);
    for (const [wrong, message] of [
      [{}, /no state of a loader/],
      [null, /no state of a loader/],
      [{ ...state, version: 2 }, /version is 2, and only 1/],
      [{ ...state, walk: undefined }, /parts of it are missing/],
    ] as const) {
      const { error } = await resumed(options(), wrong as unknown as LoaderState);
      expect(error).toMatchObject({ code: 'WDS_STATE_MISMATCH', message: expect.stringMatching(message) as string });
    }
  });

  it('fits any number of workers and any batch size', async () => {
    const whole = await rest((await Loader.open(options())).epoch(1));
    const state = await stateAfter(7);
    for (const more of [
      { workers: 2, batchSize: 1 },
      { workers: 1, batchSize: 100 },
    ]) {
      expect((await resumed(options(more), state)).labels).toEqual(whole.labels.slice(28));
    }
  });

  it('counts failures, so that a limit holds over a resume', async () => {
    const { shards: sets } = await writeShards(folder.path, [
      [spec(good(4), { left: 0 }), spec(good(8)), spec(good(6), { left: 0.9 }), spec(['mislabelled', ...good(9)])],
    ]);
    const broken = { shards: sets, shuffle: false, onError: 'skip', batchSize: 3 } as const;
    expect((await stateAfter(1, options(broken))).failures).toBe(1);
    expect((await stateAfter(4, options(broken))).failures).toBe(1);
    expect((await stateAfter(6, options(broken))).failures).toBe(3);
    const limited = options({ ...broken, maxFailures: 2 });
    const whole = await rest((await Loader.open(limited)).epoch(1));
    expect(whole.error).toMatchObject({ code: 'WDS_TOO_MANY_FAILURES', failures: 3 });
    const { labels, error } = await resumed(limited, await stateAfter(2, limited));
    expect(error).toMatchObject({ code: 'WDS_TOO_MANY_FAILURES', failures: 3 });
    expect(labels).toEqual(whole.labels.slice(6));
  });

  it('does not meet what comes behind an agreed number of samples', async () => {
    const { shards: sets } = await writeShards(folder.path, [[spec([...good(8), 'mislabelled', ...good(3)])]]);
    const agreed = options({ shards: sets, shuffle: false, samplesPerEpoch: 8, onError: 'raise' });
    expect(await resumed(agreed, await stateAfter(1, agreed))).toEqual({ labels: [4, 5, 6, 7], error: undefined });
    expect(await resumed(agreed, await stateAfter(2, agreed))).toEqual({ labels: [], error: undefined });
    // The same with a shard that is cut off behind them.
    const { shards: cut } = await writeShards(folder.path, [[spec(good(9), { left: 0.93 })]]);
    const enough = { ...agreed, shards: cut };
    expect((await rest((await Loader.open(enough)).epoch(0))).error).toBeUndefined();
    expect(await resumed(enough, await stateAfter(1, enough))).toEqual({ labels: [4, 5, 6, 7], error: undefined });
    expect((await resumed({ ...enough, samplesPerEpoch: 9 }, await stateAfter(1, { ...enough, samplesPerEpoch: 9 }))).error).toMatchObject({
      code: 'WDS_TRUNCATED',
    });
  });

  it.each([0, 2])('resumes compressed and custom shards, whose references were read from temporary files (%i workers)', async (workers) => {
    const bytes = await Promise.all(shards.map((shard) => readFile(shard)));
    const compressed = join(folder.path, 'compressed.tar.gz');
    await writeFile(compressed, gzipSync(bytes[0]!));
    const custom = (at: number): CustomShard => ({ name: `custom-${at}`, size: bytes[at]!.length, open: () => bytes[at]! });
    const mixed = options({ shards: [compressed, custom(1), custom(2)], shuffleBuffer: 35, workers });
    const open = (): number => readdirSync('/proc/self/fd').length;
    await using loader = await Loader.open(mixed);
    const whole = await rest(loader.epoch(1));
    expect(whole.labels.length).toBe(60);
    const before = open();
    const state = await stateAfter(6, mixed);
    expect((await rest(loader.resume(state))).labels).toEqual(whole.labels.slice(24));
    expect(open(), 'descriptors').toBe(before);
  });
});
