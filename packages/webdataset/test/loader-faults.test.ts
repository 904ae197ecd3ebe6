import { channel } from 'node:diagnostics_channel';
import { open, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { image, integer } from '../src/decode/decoders.ts';
import { WebDatasetError } from '../src/errors.ts';
import { Loader } from '../src/loader.ts';
import type { LoaderOptions } from '../src/loader/loader-options.ts';
import { type FieldValue, ShardWriter } from '../src/shard-writer.ts';
import { SKIPPED_CHANNEL, type SkippedEvent } from '../src/skipped.ts';
import { TarWriter } from '../src/tar/writer.ts';
import { decodeTensor } from './decoding.ts';
import { keyOf, makeJpeg, temporaryFolder } from './support.ts';

const decoder = image({ height: 8, width: 8, from: ['jpg', 'png'] });
const fields = { image: decoder, label: integer({ from: ['cls', 'id'] }) };
type Fields = typeof fields;
const picture = makeJpeg(8, 8, 1);
const corrupt = picture.subarray(0, picture.length - 100);

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder[Symbol.asyncDispose]());

let shardNumber = 0;
/** A shard of samples given by their fields; sample n has key n. */
async function writeShard(samples: readonly Record<string, FieldValue>[]): Promise<string> {
  await using writer = new ShardWriter({ directory: folder.path, firstShard: shardNumber++ });
  for (const [index, fields] of samples.entries()) await writer.write({ __key__: keyOf(index), ...fields });
  return (await writer.close())[0]!.path;
}

const good = (label: number): Record<string, FieldValue> => ({ jpg: picture, cls: label });

interface Outcome {
  readonly batches: string[][];
  readonly error: unknown;
  readonly skipped: readonly SkippedEvent[];
}

/** Runs epoch 0 and gathers batches, the error at the end, and what was skipped. */
async function run(options: Partial<LoaderOptions<Fields>> & { shards: readonly string[] }): Promise<Outcome> {
  const skipped: SkippedEvent[] = [];
  const onSkip = (event: unknown): void => void skipped.push(event as SkippedEvent);
  const events = channel(SKIPPED_CHANNEL);
  events.subscribe(onSkip);
  const batches: string[][] = [];
  try {
    await using loader = await Loader.open({ batchSize: 4, seed: 1, fields, shuffle: false, ...options });
    for await (const batch of loader.epoch(0)) {
      batches.push([...batch.__key__]);
      batch.release();
    }
    return { batches, error: undefined, skipped };
  } catch (error) {
    return { batches, error, skipped };
  } finally {
    events.unsubscribe(onSkip);
  }
}

const samples = (count: number, at: number, fault: Record<string, FieldValue>): Record<string, FieldValue>[] =>
  Array.from({ length: count }, (_, index) => (index === at ? fault : good(index)));

const KINDS: [string, string, () => Promise<string>, RegExp][] = [
  [
    'a corrupt JPEG',
    'WDS_DECODE',
    () => writeShard(samples(20, 9, { jpg: corrupt, cls: 9 })),
    /the field "image" cannot be decoded: .*premature end/i,
  ],
  ['a label that is no number', 'WDS_LABEL', () => writeShard(samples(20, 9, { jpg: picture, cls: 'cat' })), /"cat" is not an integer/],
  ['a missing label', 'WDS_MISSING_FIELD', () => writeShard(samples(20, 9, { jpg: picture })), /no "label" \(cls, id\), only "jpg"/],
  ['a missing image', 'WDS_MISSING_FIELD', () => writeShard(samples(20, 9, { cls: 3 })), /no "image" \(jpg, png\), only "cls"/],
  [
    'a field that is there twice',
    'WDS_DUPLICATE_FIELD',
    async () => {
      const path = join(folder.path, 'duplicate.tar');
      await using file = await open(path, 'w');
      const writer = new TarWriter((bytes) => file.writeFile(bytes));
      for (let index = 0; index < 20; index++) {
        await writer.add({ name: `${keyOf(index)}.jpg`, data: picture });
        await writer.add({ name: `${keyOf(index)}.cls`, data: Buffer.from(String(index)) });
        if (index === 9) await writer.add({ name: `${keyOf(index)}.CLS`, data: Buffer.from('1') });
      }
      await writer.close();
      return path;
    },
    /two members with the extension "cls"/,
  ],
];

describe.each([0, 1])('with %i workers', (workers) => {
  describe.each(KINDS)('%s', (_kind, code, make, message) => {
    it(`is ${code} with shard and key, after all batches before it`, async () => {
      const shard = await make();
      const { batches, error } = await run({ shards: [shard], workers });
      expect(error).toBeInstanceOf(WebDatasetError);
      expect(error).toMatchObject({ code, shard, key: keyOf(9), message: expect.stringMatching(message) as string });
      expect((error as Error).message).toContain(`${shard}, sample "${keyOf(9)}"`);
      expect(batches.flat()).toEqual(Array.from({ length: 8 }, (_, index) => keyOf(index)));
    });

    it('can be skipped: the next sample takes its place, and the event tells', async () => {
      const shard = await make();
      const { batches, error, skipped } = await run({ shards: [shard], workers, onError: 'skip' });
      expect(error).toBeUndefined();
      expect(batches.flat()).toEqual(Array.from({ length: 20 }, (_, index) => keyOf(index)).filter((key) => key !== keyOf(9)));
      expect(batches.map(({ length }) => length)).toEqual([4, 4, 4, 4, 3]);
      expect(skipped.map(({ epoch, error: fault }) => [epoch, fault.code, fault.shard, fault.key])).toEqual([[0, code, shard, keyOf(9)]]);
    });
  });

  it('a truncated shard is WDS_TRUNCATED with shard and offset; skipped, its whole samples and the other shards remain', async () => {
    const first = await writeShard(samples(10, -1, {}));
    const second = await writeShard(samples(10, -1, {}));
    await truncate(first, 6 * (1024 + 512 + Math.ceil(picture.length / 512) * 512) + 300);
    const raised = await run({ shards: [first, second], workers });
    expect(raised.error).toMatchObject({ code: 'WDS_TRUNCATED', shard: first, offset: expect.any(Number) as number, key: undefined });
    expect(raised.batches.flat()).toEqual([0, 1, 2, 3].map(keyOf));
    const { batches, error, skipped } = await run({ shards: [first, second], workers, onError: 'skip' });
    expect(error).toBeUndefined();
    // Sample 5 has all its members, but what is cut off could have belonged to it.
    expect(batches.flat()).toEqual([...[0, 1, 2, 3, 4], ...[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]].map(keyOf));
    expect(skipped.map(({ error: fault }) => [fault.code, fault.shard])).toEqual([['WDS_TRUNCATED', first]]);
  });

  it('a shard that is missing, a folder, or no tar is an error with its name, and can be skipped', async () => {
    const missing = join(folder.path, 'missing.tar');
    const garbage = join(folder.path, 'garbage.tar');
    await writeFile(garbage, 'this is no archive'.repeat(100));
    const whole = await writeShard(samples(4, -1, {}));
    for (const [shard, code] of [
      [missing, 'WDS_READ'],
      [folder.path, 'WDS_READ'],
      [garbage, 'WDS_BAD_HEADER'],
    ] as const) {
      expect((await run({ shards: [shard, whole], workers })).error).toMatchObject({ code, shard });
    }
    const { batches, skipped } = await run({ shards: [missing, folder.path, garbage, whole], workers, onError: 'skip' });
    expect(batches.flat()).toEqual([0, 1, 2, 3].map(keyOf));
    expect(skipped.length).toBe(3);
  });

  it('the loader goes on after an error', async () => {
    const shard = await writeShard(samples(12, 5, { jpg: corrupt, cls: 5 }));
    await using loader = await Loader.open({ batchSize: 4, seed: 1, fields, shuffle: false, shards: [shard], workers });
    for (let round = 0; round < 10; round++) {
      let batches = 0;
      await expect(async () => {
        for await (const batch of loader.epoch(round)) {
          batches++;
          batch.release();
        }
      }).rejects.toMatchObject({ code: 'WDS_DECODE' });
      expect(batches).toBe(1);
    }
  });

  it('an epoch in which nothing is good has no batches', async () => {
    const shard = await writeShard(Array.from({ length: 9 }, () => ({ jpg: corrupt, cls: 1 })));
    const { batches, error, skipped } = await run({ shards: [shard], workers, onError: 'skip' });
    expect({ batches, error, skipped: skipped.length }).toEqual({ batches: [], error: undefined, skipped: 9 });
  });

  it('whatever is corrupt, the batches are the good samples in order, cut into equal pieces, with their own pixels', async () => {
    const pictures = Array.from({ length: 8 }, (_, seed) => makeJpeg(8, 8, seed));
    const pixels = await Promise.all(pictures.map((bytes) => decodeTensor(decoder, bytes)));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(9), { minLength: 1, maxLength: 60 }),
        fc.nat(9),
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 3 }),
        async (kinds, badness, batchSize, held) => {
          const isGood = kinds.map((kind) => kind >= badness);
          const shard = await writeShard(kinds.map((_, index) => ({ jpg: isGood[index]! ? pictures[index % 8]! : corrupt, cls: index })));
          await using loader = await Loader.open({
            batchSize,
            seed: 1,
            fields,
            shuffle: false,
            shards: [shard],
            workers,
            onError: 'skip',
            slots: 2 + held,
          });
          const sizes: number[] = [];
          const labels: number[] = [];
          const holding: (() => void)[] = [];
          for await (const batch of loader.epoch(0)) {
            sizes.push(batch.size);
            labels.push(...batch.label);
            // Checked as late as possible: nothing may write to a batch that is in use.
            const {
              label: ofBatch,
              image: { data: got },
            } = batch;
            holding.push(() => {
              for (const [place, label] of ofBatch.entries())
                expect(pixels[label % 8]!.equals(got.subarray(place * 192, place * 192 + 192))).toBe(true);
              batch.release();
            });
            if (holding.length === held) holding.shift()!();
          }
          for (const check of holding) check();
          const expected = kinds.flatMap((_, index) => (isGood[index] ? [index] : []));
          expect(labels).toEqual(expected);
          const whole = Math.floor(expected.length / batchSize);
          expect(sizes).toEqual([
            ...new Array<number>(whole).fill(batchSize),
            ...(expected.length % batchSize > 0 ? [expected.length % batchSize] : []),
          ]);
        },
      ),
      { numRuns: workers === 0 ? 150 : 6 },
    );
  });
});
