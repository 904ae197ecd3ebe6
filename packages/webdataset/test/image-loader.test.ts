import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Worker } from 'node:worker_threads';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ImageDecoder } from '../src/decode/image.ts';
import { type ImageBatch, ImageLoader, type ImageLoaderOptions } from '../src/image-loader.ts';
import { shardOrder, ShuffleBuffer } from '../src/order.ts';
import { probeImage } from '../src/probe-image.ts';
import { ShardWriter } from '../src/shard-writer.ts';
import { keyOf, makeJpeg, temporaryFolder, writeImageShards } from './support.ts';

const image = { height: 8, width: 8, channels: 3 } as const;

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

function options(more: Partial<ImageLoaderOptions> = {}): ImageLoaderOptions {
  return { shards, batchSize: 10, seed: 7, image, shuffleBuffer: 30, ...more };
}

/** Runs an epoch, releasing every batch at once. */
async function keysOf(loader: ImageLoader, epoch: number): Promise<string[][]> {
  const batches: string[][] = [];
  for await (const batch of loader.epoch(epoch)) {
    batches.push([...batch.keys]);
    batch.release();
  }
  return batches;
}

/** The order that the documentation promises, from the pure parts. */
function expectedKeys(epoch: number, seed = 7, capacity = 30): string[] {
  const buffer = new ShuffleBuffer<string>(capacity, seed, epoch);
  const keys: (string | undefined)[] = [];
  for (const shard of shardOrder(5, seed, epoch))
    for (let sample = 0; sample < 23; sample++) keys.push(buffer.push(keyOf(shard * 23 + sample)));
  for (let key = buffer.pop(); key !== undefined; key = buffer.pop()) keys.push(key);
  return keys.filter((key) => key !== undefined);
}

describe.each([0, 1, 3])('ImageLoader with %i workers', (workers) => {
  /** One loader for all tests that need no other options: what one leaves behind, the next one finds. */
  let loader: ImageLoader;
  beforeAll(async () => {
    loader = await ImageLoader.open(options({ workers }));
  });
  afterAll(async () => {
    await loader[Symbol.asyncDispose]();
    expect(running.size).toBe(0);
  });

  it('delivers each sample once, with its own label and pixels, in the order that seed and epoch decide', async () => {
    const decoder = await ImageDecoder.create();
    for (const epoch of [0, 1]) {
      const keys: string[] = [];
      for await (const batch of loader.epoch(epoch)) {
        expect(batch.pixels.length).toBe(batch.size * 8 * 8 * 3);
        for (const [place, key] of batch.keys.entries()) {
          expect(batch.labels[place]).toBe(Number(key));
          expect(batch.shards[place]).toBe(shards[Math.floor(Number(key) / 23)]);
          const expected = Buffer.alloc(8 * 8 * 3);
          decoder.tryDecodeInto(makeJpeg(8, 8, Number(key) % 16), image, expected);
          expect(expected.equals(batch.pixels.subarray(place * 192, place * 192 + 192)), key).toBe(true);
        }
        keys.push(...batch.keys);
        batch.release();
      }
      expect(keys).toEqual(expectedKeys(epoch));
    }
  });

  it('repeats an epoch exactly, and makes others of other epochs and seeds', async () => {
    const first = await keysOf(loader, 3);
    expect(await keysOf(loader, 4)).not.toEqual(first);
    expect(await keysOf(loader, 3)).toEqual(first);
    await using other = await ImageLoader.open(options({ workers, seed: 8 }));
    expect(await keysOf(other, 3)).not.toEqual(first);
  });

  it('keeps the last, incomplete batch, or drops it', async () => {
    expect((await keysOf(loader, 0)).map(({ length }) => length)).toEqual([...new Array<number>(11).fill(10), 5]);
    await using dropping = await ImageLoader.open(options({ workers, lastBatch: 'drop', shuffle: false }));
    for (const epoch of [0, 1]) {
      const keys = await keysOf(dropping, epoch);
      expect(keys.map(({ length }) => length)).toEqual(new Array<number>(11).fill(10));
      expect(keys.flat(), 'the order of list and archives').toEqual(Array.from({ length: 110 }, (_, index) => keyOf(index)));
    }
  });

  it('never has more batches than slots, and leaves those in use alone', async () => {
    await using own = await ImageLoader.open(options({ workers, slots: 4 }));
    const held: { batch: ImageBatch; copy: Buffer }[] = [];
    const keys: string[] = [];
    const batches = own.epoch(0);
    const take = async (): Promise<void> => {
      const { value } = await batches.next();
      if (value === undefined) throw new Error('the epoch ended early');
      held.push({ batch: value, copy: Buffer.from(value.pixels) });
      keys.push(...value.keys);
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
    for (const { batch, copy } of held) expect(copy.equals(batch.pixels)).toBe(true);
    for (const { batch } of held) batch[Symbol.dispose]();
    for await (const batch of batches) {
      keys.push(...batch.keys);
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
    const kept: ImageBatch[] = [];
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
    await using own = await ImageLoader.open(options({ workers, signal: controller.signal }));
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
    await expect(ImageLoader.open(options({ workers, signal: controller.signal }))).rejects.toBe(reason);
  });

  it('ends with the reason of its signal though all batches are decoded already', async () => {
    const controller = new AbortController();
    await using own = await ImageLoader.open(options({ workers, slots: 20, signal: controller.signal }));
    const reason = new Error('enough');
    const batches = own.epoch(0);
    for (let count = 0; count < 11; count++) await batches.next();
    controller.abort(reason);
    await expect(batches.next()).rejects.toBe(reason);
  });

  it('ends a waiting epoch when it is closed', async () => {
    const own = await ImageLoader.open(options({ workers }));
    const batches = own.epoch(0);
    for (let count = 0; count < 2 * Math.max(workers, 1) + 1; count++) await batches.next();
    const waiting = expect(batches.next()).rejects.toMatchObject({ code: 'WDS_CLOSED' });
    await own[Symbol.asyncDispose]();
    await waiting;
    await own[Symbol.asyncDispose](); // A second time does nothing.
    await expect(own.epoch(1).next()).rejects.toMatchObject({ code: 'WDS_CLOSED' });
  });

  it('can be closed under a consumer that has left its iterator hanging', async () => {
    const own = await ImageLoader.open(options({ workers }));
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
    await using own = await ImageLoader.open(options({ workers, shards: large, shuffleBuffer: 500 }));
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

describe('ImageLoader', () => {
  it('scales and converts images that have another shape', async () => {
    await using loader = await ImageLoader.open(options({ image: { height: 5, width: 4, channels: 1 } }));
    for await (const batch of loader.epoch(0)) {
      expect(batch.pixels.length).toBe(batch.size * 20);
      expect(batch.pixels.some((value) => value > 0)).toBe(true);
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
      await using loader = await ImageLoader.open(options({ shards: huge, workers, batchSize: 2, shuffle: false }));
      const labels: number[] = [];
      for await (const batch of loader.epoch(0)) {
        labels.push(...batch.labels);
        batch.release();
      }
      expect(labels).toEqual([0, 1, 2, 3, 4, 5]);
    }
  });

  it.each(['the first', 'the last'])('fails with WDS_WORKER when %s of its threads dies, and can still be closed', async (which) => {
    await using loader = await ImageLoader.open(options({ workers: 2 }));
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
    [{ image: { height: 0, width: 8, channels: 3 } as const }, 'image.height'],
  ])('refuses %j', async (wrong, name) => {
    await expect(ImageLoader.open(options(wrong))).rejects.toThrow(new RegExp(`^${name} must be`));
  });

  it('refuses an empty list of shards, and epochs that are none', async () => {
    await expect(ImageLoader.open(options({ shards: [] }))).rejects.toMatchObject({ name: 'ShardsNotFoundError', code: 'WDS_NO_SHARDS' });
    await using loader = await ImageLoader.open(options({ workers: 0 }));
    await expect(loader.epoch(-1).next()).rejects.toThrow(RangeError);
  });
});

describe('probeImage', () => {
  it("tells the first image's shape and place", async () => {
    expect(await probeImage(shards)).toEqual({ height: 8, width: 8, channels: 3, key: keyOf(0), shard: shards[0] });
  });

  it('knows grey images, and passes over samples without an image', async () => {
    await using writer = new ShardWriter({ directory: folder.path, pattern: 'grey-%d.tar' });
    await writer.write({ __key__: 'a', txt: 'no image' });
    await writer.write({ __key__: 'b', jpg: makeJpeg(12, 9, 1, 1), cls: 1 });
    const [grey] = await writer.close();
    expect(await probeImage([grey!.path])).toMatchObject({ height: 9, width: 12, channels: 1, key: 'b' });
  });

  it('fails with a code when there is no shard, no image, or a corrupt one', async () => {
    await expect(probeImage([])).rejects.toMatchObject({ code: 'WDS_NO_SHARDS' });
    await using writer = new ShardWriter({ directory: folder.path, pattern: 'none-%d.tar', maxCount: 1 });
    await writer.write({ __key__: 'a', txt: 'no image' });
    await writer.write({ __key__: 'b', jpg: makeJpeg(12, 9, 1).subarray(0, 300), cls: 1 });
    const [none, corrupt] = await writer.close();
    await expect(probeImage([none!.path])).rejects.toMatchObject({ code: 'WDS_MISSING_FIELD' });
    await expect(probeImage([corrupt!.path])).rejects.toMatchObject({ code: 'WDS_DECODE', key: 'b', shard: corrupt!.path });
  });
});
