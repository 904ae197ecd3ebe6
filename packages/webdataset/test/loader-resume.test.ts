import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { image, integer, optional, text } from '../src/decode/decoders.ts';
import { TooManyFailuresError, WebDatasetError } from '../src/errors.ts';
import { Loader } from '../src/loader.ts';
import type { LoaderOptions } from '../src/loader/loader-options.ts';
import type { Batch } from '../src/loader/batch.ts';
import type { LoaderState } from '../src/loader/state.ts';
import { type ShardSpec, shardSpec, writeShards } from './random-dataset.ts';
import { temporaryFolder } from './support.ts';

const fields = {
  // What is left to chance depends on seed, epoch and key alone, so it must be the same after any cut.
  image: image({ height: 6, width: 6, pad: 2, crop: 'random', flip: true, from: ['jpg'] }),
  label: integer({ from: ['cls'] }),
  note: optional(text({ from: ['txt'] })),
};
type Fields = typeof fields;
type Options = Omit<LoaderOptions<Fields>, 'fields' | 'shards' | 'batchSize'>;

let temporary: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  temporary = await temporaryFolder();
});
afterAll(() => temporary[Symbol.asyncDispose]());

/** All that a consumer sees of a batch, a line a sample. */
function linesOf(batch: Batch<Fields>): string[] {
  const bytes = 6 * 6 * 3;
  return batch.__key__.map((key, place) => {
    const pixels = Buffer.from(batch.image.data.subarray(place * bytes, (place + 1) * bytes)).toString('base64');
    return [batch.__url__[place], key, batch.label[place], batch.note[place], pixels].join(' ');
  });
}

/** A scenario takes milliseconds, one with threads a second or two; one that takes so long hangs, and is named. */
const HANG_MS = 30_000;

/** How a run ended: by itself, or with an error. */
const WELL = 'well';

function endOf(error: unknown): string {
  if (!(error instanceof WebDatasetError)) throw error;
  // Not the message: libvips repeats in it what it said of other images.
  const { code, shard, key, offset } = error;
  return [code, shard, key, offset, error instanceof TooManyFailuresError ? error.failures : ''].join(' ');
}

/** Runs an epoch, or what is left of it, to its end. */
async function runAll(batches: AsyncIterable<Batch<Fields>>): Promise<{ lines: string[]; sizes: number[]; end: string }> {
  const lines: string[] = [];
  const sizes: number[] = [];
  try {
    for await (const batch of batches) {
      lines.push(...linesOf(batch));
      sizes.push(batch.size);
      batch.release();
    }
    return { lines, sizes, end: WELL };
  } catch (error) {
    return { lines, sizes, end: endOf(error) };
  }
}

/** A part of an epoch: so many batches, with so many held at the end, of which the state of the first is taken. */
interface Cut {
  readonly batches: number;
  readonly held: number;
  readonly workers: number;
  readonly batchSize: number;
  /** Batches are given back as soon as they come, or two later. */
  readonly late: boolean;
}

/** Runs up to the cut; the state, or how the epoch ended before it. */
async function runTo(cut: Cut, batches: AsyncGenerator<Batch<Fields>>, lines: string[]): Promise<{ state?: LoaderState; end?: string }> {
  const held: Batch<Fields>[] = [];
  const ahead: string[] = [];
  let count = 0;
  try {
    for await (const batch of batches) {
      count++;
      if (count <= cut.batches) {
        lines.push(...linesOf(batch));
        held.push(batch);
        if (held.length > (cut.late ? 2 : 1)) held.shift()!.release();
      } else {
        ahead.push(...linesOf(batch));
        batch.release(); // Before an older one, whose state must be none the worse.
      }
      if (count === cut.batches + cut.held) break;
    }
  } catch (error) {
    lines.push(...ahead);
    return { end: endOf(error) };
  }
  const last = held.at(-1);
  if (count < cut.batches || last === undefined) return { end: WELL };
  const state = JSON.parse(JSON.stringify(last.state())) as LoaderState;
  for (const batch of held) batch.release();
  expect(() => last.state()).toThrow(/was released/);
  return { state };
}

async function checkCuts(groups: readonly (readonly ShardSpec[])[], options: Options, epoch: number, cuts: readonly Cut[]): Promise<void> {
  const { folder, shards } = await writeShards(temporary.path, groups);
  const open = (more: { workers: number; batchSize: number }): Promise<Loader<Fields>> =>
    Loader.open({ fields, shards, indexDir: join(folder, 'index'), slots: 8, ...options, ...more });
  try {
    let whole: Awaited<ReturnType<typeof runAll>>;
    {
      let loader: Loader<Fields>;
      try {
        loader = await open({ workers: 0, batchSize: 3 });
      } catch (error) {
        endOf(error); // Ranks that cannot share, or shards that cannot be indexed.
        return;
      }
      await using opened = loader;
      whole = await runAll(opened.epoch(epoch));
      if (options.lastBatch !== 'drop' && opened.samplesPerEpoch !== undefined && whole.end === WELL && options.onError !== 'stop') {
        expect(whole.lines.length).toBe(opened.samplesPerEpoch);
      }
    }
    const lines: string[] = [];
    let state: LoaderState | undefined;
    let end: string | undefined;
    for (const cut of cuts) {
      await using loader = await open(cut);
      const part = await runTo(cut, state === undefined ? loader.epoch(epoch) : loader.resume(state), lines);
      state = part.state;
      end = part.end;
      if (end !== undefined) break;
    }
    if (end === undefined) {
      await using loader = await open({ workers: 0, batchSize: 2 });
      const rest = await runAll(state === undefined ? loader.epoch(epoch) : loader.resume(state));
      lines.push(...rest.lines);
      end = rest.end;
    }
    // A last batch that is not full is dropped or, where an error ends the epoch, not delivered: that depends on the size of batches.
    const common = Math.min(lines.length, whole.lines.length);
    const isRagged = options.lastBatch === 'drop' || end !== WELL;
    expect(lines.slice(0, isRagged ? common : undefined)).toEqual(whole.lines.slice(0, isRagged ? common : undefined));
    expect(end).toBe(whole.end);
    expect(Math.abs(lines.length - whole.lines.length)).toBeLessThan(isRagged ? 5 : 1);
  } finally {
    await rm(folder, { recursive: true });
  }
}

const cut = (workers: fc.Arbitrary<number>): fc.Arbitrary<Cut> =>
  fc.record({
    batches: fc.integer({ min: 1, max: 6 }),
    held: fc.nat(2),
    workers,
    batchSize: fc.integer({ min: 1, max: 4 }),
    late: fc.boolean(),
  });

/** Everything that an epoch can depend on. */
function scenario(workers: fc.Arbitrary<number>): fc.Arbitrary<{ groups: ShardSpec[][]; options: Options; epoch: number; cuts: Cut[] }> {
  return fc
    .record({ worldSize: fc.integer({ min: 1, max: 3 }), agreed: fc.boolean(), rank: fc.nat(2) })
    .chain(({ worldSize, agreed, rank }) => {
      // A truncated shard cannot be indexed, which ranks need unless the number of samples is agreed.
      const shard = shardSpec({ truncated: worldSize === 1 || agreed });
      return fc.record({
        groups: fc.oneof(
          fc.array(shard, { minLength: 1, maxLength: 5 }).map((only) => [only]),
          fc.array(fc.array(shard, { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 2 }),
        ),
        epoch: fc.nat(3),
        cuts: fc.array(cut(workers), { maxLength: 4 }),
        options: fc.record({
          seed: fc.nat(1000),
          worldSize: fc.constant(worldSize),
          rank: fc.constant(rank % worldSize),
          shuffle: fc.boolean(),
          shuffleBuffer: fc.nat(12),
          remainder: fc.constantFrom('pad' as const, 'drop' as const),
          lastBatch: fc.constantFrom('keep' as const, 'drop' as const),
          onError: fc.oneof({ weight: 4, arbitrary: fc.constant('skip' as const) }, fc.constantFrom('raise' as const, 'stop' as const)),
          maxFailures: fc.oneof({ weight: 2, arbitrary: fc.constant(1000) }, fc.nat(6)),
          resample: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, fc.constant(true)),
          ...(agreed ? { samplesPerEpoch: fc.integer({ min: 1, max: 60 }) } : {}),
        }),
      });
    });
}

describe('an epoch that is cut and resumed', () => {
  it('is, sample for sample and byte for byte, the epoch that was not', async () => {
    await fc.assert(
      fc.asyncProperty(scenario(fc.constant(0)), ({ groups, options, epoch, cuts }) => checkCuts(groups, options, epoch, cuts)),
      { numRuns: Number(process.env['RESUME_RUNS'] ?? 150), timeout: HANG_MS },
    );
  });

  it('is so at any number of workers, and another one after each cut', async () => {
    await fc.assert(
      fc.asyncProperty(scenario(fc.integer({ min: 0, max: 2 })), ({ groups, options, epoch, cuts }) =>
        checkCuts(groups, options, epoch, cuts),
      ),
      { numRuns: 8, timeout: HANG_MS },
    );
  });
});
