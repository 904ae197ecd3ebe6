import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { image, integer } from '../src/decode/decoders.ts';
import { Loader } from '../src/loader.ts';
import type { LoaderOptions } from '../src/loader/loader-options.ts';
import type { Batch } from '../src/loader/batch.ts';
import { shardOrder } from '../src/order/shard-order.ts';
import { ShuffledOrder } from '../src/order/shuffled-order.ts';
import { ShardWriter } from '../src/shard-writer.ts';
import { decodeTensor } from './decoding.ts';
import { keyOf, makeJpeg, temporaryFolder, writeImageShards } from './support.ts';

const picture = image({ height: 8, width: 8, from: ['jpg'] });
const fields = { image: picture, label: integer({ from: ['cls'] }) };
type Fields = typeof fields;

/** Every worker thread that was started and has not ended. */
const running = new Set<Worker>();
process.on('worker', (worker) => {
  running.add(worker);
  worker.once('exit', () => running.delete(worker));
});

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let shards: string[];
beforeAll(async () => {
  folder = await temporaryFolder();
  shards = await writeImageShards(folder.path, { shards: 5, samplesPerShard: 23 });
});
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
  expect(running.size).toBe(0);
});

function options(more: Partial<LoaderOptions<Fields>> = {}): LoaderOptions<Fields> {
  return { shards, fields, batchSize: 10, seed: 7, shuffleBuffer: 30, ...more };
}

/** Runs an epoch, releasing every batch at once. */
async function keysOf(loader: Loader<Fields>, epoch: number): Promise<string[][]> {
  const batches: string[][] = [];
  for await (const batch of loader.epoch(epoch)) {
    batches.push([...batch.__key__]);
    batch.release();
  }
  return batches;
}

/** The order that the documentation promises, from the pure parts. */
function expectedKeys(epoch: number, seed = 7, capacity = 30): string[] {
  const buffer = new ShuffledOrder<string>(capacity, { seed, epoch, rank: 0 });
  const keys: (string | undefined)[] = [];
  for (const shard of shardOrder(5, seed, epoch))
    for (let sample = 0; sample < 23; sample++) keys.push(buffer.push(keyOf(shard * 23 + sample)));
  for (let key = buffer.pop(); key !== undefined; key = buffer.pop()) keys.push(key);
  return keys.filter((key) => key !== undefined);
}

describe.each([0, 1, 3])('Loader with %i workers', (workers) => {
  /** One loader for all tests that need no other options: what one leaves behind, the next one finds. */
  let loader: Loader<Fields>;
  beforeAll(async () => {
    loader = await Loader.open(options({ workers }));
  });
  afterAll(async () => {
    await loader[Symbol.asyncDispose]();
    expect(running.size).toBe(0);
  });

  it('delivers each sample once, with its own label and pixels, in the order that seed and epoch decide', async () => {
    for (const epoch of [0, 1]) {
      const keys: string[] = [];
      for await (const batch of loader.epoch(epoch)) {
        expect(batch.image.data.length).toBe(batch.size * 8 * 8 * 3);
        for (const [place, key] of batch.__key__.entries()) {
          expect(batch.label[place]).toBe(Number(key));
          expect(batch.__url__[place]).toBe(shards[Math.floor(Number(key) / 23)]);
          const expected = await decodeTensor(picture, makeJpeg(8, 8, Number(key) % 16));
          expect(expected.equals(batch.image.data.subarray(place * 192, place * 192 + 192)), key).toBe(true);
        }
        keys.push(...batch.__key__);
        batch.release();
      }
      expect(keys).toEqual(expectedKeys(epoch));
    }
  });

  it('repeats an epoch exactly, and makes others of other epochs and seeds', async () => {
    const first = await keysOf(loader, 3);
    expect(await keysOf(loader, 4)).not.toEqual(first);
    expect(await keysOf(loader, 3)).toEqual(first);
    await using other = await Loader.open(options({ workers, seed: 8 }));
    expect(await keysOf(other, 3)).not.toEqual(first);
  });

  it('keeps the last, incomplete batch, or drops it', async () => {
    expect((await keysOf(loader, 0)).map(({ length }) => length)).toEqual([...new Array<number>(11).fill(10), 5]);
    await using dropping = await Loader.open(options({ workers, lastBatch: 'drop', shuffle: false }));
    for (const epoch of [0, 1]) {
      const keys = await keysOf(dropping, epoch);
      expect(keys.map(({ length }) => length)).toEqual(new Array<number>(11).fill(10));
      expect(keys.flat(), 'the order of list and archives').toEqual(Array.from({ length: 110 }, (_, index) => keyOf(index)));
    }
  });

  it('never has more batches than slots, and leaves those in use alone', async () => {
    await using own = await Loader.open(options({ workers, slots: 4 }));
    const held: { batch: Batch<Fields>; copy: Buffer }[] = [];
    const keys: string[] = [];
    const batches = own.epoch(0);
    const take = async (): Promise<void> => {
      const { value } = await batches.next();
      if (value === undefined) throw new Error('the epoch ended early');
      held.push({ batch: value, copy: Buffer.from(value.image.data) });
      keys.push(...value.__key__);
    };
    for (let count = 0; count < 4; count++) await take();
    let arrived = false;
    const fifth = take().then(() => (arrived = true));
    for (let turn = 0; turn < 200; turn++) await setImmediate();
    expect(arrived).toBe(false);
    held[1]!.batch.release();
    held[1]!.batch.release(); // A second time does nothing: only one more may come.
    held.splice(1, 1);
    await fifth;
    arrived = false;
    const sixth = take().then(() => (arrived = true));
    for (let turn = 0; turn < 200; turn++) await setImmediate();
    expect(arrived).toBe(false);
    held.shift()!.batch.release();
    await sixth;
    for (const { batch, copy } of held) expect(copy.equals(batch.image.data)).toBe(true);
    for (const { batch } of held) batch[Symbol.dispose]();
    for await (const batch of batches) {
      keys.push(...batch.__key__);
      batch.release();
    }
    expect(keys).toEqual(expectedKeys(0));
  });

  it('can be left in the middle of an epoch, as often as one likes', async () => {
    for (let epoch = 0; epoch < 20; epoch++) {
      let left = epoch % 7;
      for await (const batch of loader.epoch(epoch)) {
        batch.release();
        if (left-- === 0) break;
      }
    }
    expect((await keysOf(loader, 0)).flat()).toEqual(expectedKeys(0));
  });

  it('takes batches back after the epoch that made them', async () => {
    const kept: Batch<Fields>[] = [];
    for await (const batch of loader.epoch(0)) {
      kept.push(batch);
      if (kept.length === 2) break;
    }
    for (const batch of kept) batch.release();
    expect((await keysOf(loader, 0)).flat()).toEqual(expectedKeys(0));
  });

  it('runs one epoch at a time', async () => {
    const first = loader.epoch(0);
    (await first.next()).value?.release();
    await expect(loader.epoch(1).next()).rejects.toMatchObject({ code: 'WDS_CLOSED' });
    await first.return();
    expect((await keysOf(loader, 1)).flat()).toEqual(expectedKeys(1));
  });

  it('ends with the reason of its signal, at once and for good', async () => {
    const controller = new AbortController();
    await using own = await Loader.open(options({ workers, signal: controller.signal }));
    const reason = new Error('enough');
    const batches = own.epoch(0);
    await batches.next();
    await batches.next();
    await batches.next();
    const pending = batches.next(); // All slots are in use (or the epoch goes on): either way it ends now.
    controller.abort(reason);
    await pending.then(
      () => expect(batches.next()).rejects.toBe(reason),
      (error: unknown) => expect(error).toBe(reason),
    );
    await expect(own.epoch(1).next()).rejects.toBe(reason);
    await expect(Loader.open(options({ workers, signal: controller.signal }))).rejects.toBe(reason);
  });

  it('ends with the reason of its signal though all batches are decoded already', async () => {
    const controller = new AbortController();
    await using own = await Loader.open(options({ workers, slots: 20, signal: controller.signal }));
    const reason = new Error('enough');
    const batches = own.epoch(0);
    for (let count = 0; count < 11; count++) await batches.next();
    controller.abort(reason);
    await expect(batches.next()).rejects.toBe(reason);
  });

  it('ends a waiting epoch when it is closed', async () => {
    const own = await Loader.open(options({ workers }));
    const batches = own.epoch(0);
    for (let count = 0; count < 2 * Math.max(workers, 1) + 1; count++) await batches.next();
    const waiting = expect(batches.next()).rejects.toMatchObject({ code: 'WDS_CLOSED' });
    await own[Symbol.asyncDispose]();
    await waiting;
    await own[Symbol.asyncDispose](); // A second time does nothing.
    await expect(own.epoch(1).next()).rejects.toMatchObject({ code: 'WDS_CLOSED' });
  });

  it('can be closed under a consumer that has left its iterator hanging', async () => {
    const own = await Loader.open(options({ workers }));
    const batches = own.epoch(0);
    await batches.next();
    await own[Symbol.asyncDispose]();
    await expect(batches.next().then(() => batches.next())).rejects.toMatchObject({ code: 'WDS_CLOSED' });
    await batches.return();
  });

  it('reads every byte of the shards once', async () => {
    const directory = join(folder.path, `large-${workers}`);
    await mkdir(directory);
    const large = await writeImageShards(directory, { shards: 6, samplesPerShard: 300, size: 96 });
    const bytes = large.reduce((sum, path) => sum + readFileSync(path).length, 0);
    await using own = await Loader.open(options({ workers, shards: large, shuffleBuffer: 500 }));
    await keysOf(own, 0); // Loads modules and code.
    const before = bytesReadByProcess();
    await keysOf(own, 1);
    // The last sample of a window is seen twice.
    expect((bytesReadByProcess() - before) / bytes).toBeLessThan(1.1);
    expect((bytesReadByProcess() - before) / bytes).toBeGreaterThan(0.9);
  });
});

/** Bytes that all threads of this process have asked the system for (Linux). */
function bytesReadByProcess(): number {
  return Number(/^rchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
}

describe('Loader', () => {
  it('scales and converts images that have another shape', async () => {
    await using loader = await Loader.open(
      options({ fields: { ...fields, image: image({ height: 5, width: 4, channels: 1, from: ['jpg'] }) } }),
    );
    for await (const batch of loader.epoch(0)) {
      expect(batch.image.data.length).toBe(batch.size * 20);
      expect(batch.image.data.some((value) => value > 0)).toBe(true);
      batch.release();
    }
  });

  it('reads samples that are larger than its windows', async () => {
    await using writer = new ShardWriter({ directory: folder.path, pattern: 'huge-%d.tar' });
    const padding = Buffer.alloc(5 * 1024 * 1024, 'x');
    // Decoders ignore what follows the image.
    for (let index = 0; index < 6; index++) {
      await writer.write({
        __key__: keyOf(index),
        cls: index,
        jpg: index % 2 === 0 ? makeJpeg(8, 8, index) : Buffer.concat([makeJpeg(8, 8, index), padding]),
        txt: padding,
      });
    }
    const huge = (await writer.close()).map(({ path }) => path);
    for (const workers of [0, 2]) {
      await using loader = await Loader.open(options({ shards: huge, workers, batchSize: 2, shuffle: false }));
      const labels: number[] = [];
      for await (const batch of loader.epoch(0)) {
        labels.push(...batch.label);
        batch.release();
      }
      expect(labels).toEqual([0, 1, 2, 3, 4, 5]);
    }
  });

  it.each(['the first', 'the last'])('fails with WDS_WORKER when %s of its threads dies, and can still be closed', async (which) => {
    await using loader = await Loader.open(options({ workers: 2 }));
    await expect(async () => {
      for (let epoch = 0; ; epoch++) {
        for await (const batch of loader.epoch(epoch)) {
          batch.release();
          if (epoch === 1) await [...running].at(which === 'the first' ? 0 : -1)?.terminate();
        }
      }
    }).rejects.toMatchObject({ code: 'WDS_WORKER', message: expect.stringContaining('ended unexpectedly') as string });
  });

  it.each([
    [{ batchSize: 0 }, 'batchSize'],
    [{ batchSize: 1.5 }, 'batchSize'],
    [{ seed: -1 }, 'seed'],
    [{ workers: -1 }, 'workers'],
    [{ slots: 2 }, 'slots'],
    [{ shuffleBuffer: Number.NaN }, 'shuffleBuffer'],
  ])('refuses %j', async (wrong, name) => {
    await expect(Loader.open(options(wrong))).rejects.toThrow(new RegExp(`^${name} must be`));
  });

  it('refuses an empty list of shards, and epochs that are none', async () => {
    await expect(Loader.open(options({ shards: [] }))).rejects.toMatchObject({ name: 'ShardsNotFoundError', code: 'WDS_NO_SHARDS' });
    await using loader = await Loader.open(options({ workers: 0 }));
    await expect(loader.epoch(-1).next()).rejects.toThrow(RangeError);
  });
});
