import { setImmediate } from 'node:timers/promises';
import { statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { image, integer } from '../src/decode/decoders.ts';
import { Loader } from '../src/loader.ts';
import { SlotPool } from '../src/loader/slot-pool.ts';
import { Stopwatch } from '../src/loader/stopwatch.ts';
import { type Crew, InlineCrew } from '../src/workers/crew.ts';
import { epochOf, metersOf, setupOf, SLOTS } from './epoch-harness.ts';
import { makeJpeg, temporaryFolder, writeImageShards } from './support.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let shards: string[];
beforeAll(async () => {
  folder = await temporaryFolder();
  shards = await writeImageShards(folder.path, { shards: 2, samplesPerShard: 12 });
});
afterAll(() => folder[Symbol.asyncDispose]());

describe('a stopwatch', () => {
  it('adds up the time during which it is on, also while it is on', () => {
    let now = 100;
    const watch = new Stopwatch(() => now);
    now = 110;
    watch.set(true);
    now = 115;
    expect(watch.ms).toBe(5);
    watch.set(true);
    now = 120;
    watch.set(false);
    watch.set(false);
    now = 200;
    watch.set(true);
    now = 201;
    expect(watch.ms).toBe(11);
  });
});

describe.each([0, 2])('the stats of a loader with %i workers', (workers) => {
  it('count what each stage has done, over all epochs', async () => {
    const fields = { image: image({ height: 8, width: 8, from: ['jpg'] }), label: integer({ from: ['cls'] }) };
    await using loader = await Loader.open({ shards: [[shards[0]!], [shards[1]!]], fields, batchSize: 5, workers, slots: 6 });
    const sizes = shards.map((shard) => statSync(shard).size);
    const stored = Array.from({ length: 24 }, (_, index) => makeJpeg(8, 8, index % 16).length + String(index).length);
    for (const epochs of [1, 2]) {
      for await (const batch of loader.epoch(epochs)) {
        const before = loader.stats().deliver.queued;
        expect(before).toBeGreaterThan(0);
        batch.release();
        expect(loader.stats().deliver.queued).toBe(before - 1);
      }
      const { read, decode, deliver, bytesByGroup, skipped, windowsReclaimed } = loader.stats();
      expect(read).toMatchObject({ items: 24 * epochs, bytes: epochs * (sizes[0]! + sizes[1]!), queued: 0, starvedMs: 0 });
      expect(bytesByGroup).toEqual(sizes.map((size) => size * epochs));
      expect(decode).toMatchObject({
        items: 24 * epochs,
        bytes: epochs * stored.reduce((sum, length) => sum + length, 0),
        queued: 0,
        capacity: 6,
      });
      expect(deliver).toMatchObject({ items: 24 * epochs, bytes: 24 * epochs * (192 + 4), queued: 0, capacity: 6, busyMs: 0 });
      expect({ skipped, windowsReclaimed }).toEqual({ skipped: 0, windowsReclaimed: 0 });
      for (const stage of [read, decode]) expect(stage.busyMs).toBeGreaterThan(0);
      for (const ms of [deliver.starvedMs, decode.starvedMs]) expect(ms).toBeGreaterThan(0);
    }
  });
});

describe('the times of a loader', () => {
  /** Lets everything happen that can happen without the clock. */
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 50; turn++) await setImmediate();
  };

  it('tell which stage waits for which', async () => {
    let now = 0;
    const meters = metersOf(shards, () => now);
    const setup = setupOf(4);
    await using inline = new InlineCrew(setup);
    const scans = Promise.withResolvers<undefined>();
    const decodes = Promise.withResolvers<undefined>();
    const crew: Crew = {
      readers: 2,
      windowsAhead: 3,
      scan: async (reader, request) => {
        await scans.promise;
        return inline.scan(reader, request);
      },
      decode: async (request) => {
        await decodes.promise;
        return inline.decode(request);
      },
      open: (reader, cursor, location) => inline.open(reader, cursor, location),
      close: (reader, cursor) => inline.close(reader, cursor),
      abort: (reason) => inline.abort(reason),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    const slots = new SlotPool(SLOTS);
    const batches = epochOf({ shards, crew, slots, setup, meters, shuffleBuffer: 0 });
    const times = (): Record<string, number> => {
      const { read, decode, deliver } = meters.stats();
      return {
        readBlocked: read.blockedMs,
        decodeStarved: decode.starvedMs,
        decodeBlocked: decode.blockedMs,
        deliverStarved: deliver.starvedMs,
        deliverBlocked: deliver.blockedMs,
      };
    };
    const none = { readBlocked: 0, decodeStarved: 0, decodeBlocked: 0, deliverStarved: 0, deliverBlocked: 0 };

    const first = batches.next();
    await settle();
    now += 1; // Reading is slow.
    expect(times()).toEqual({ ...none, decodeStarved: 1, deliverStarved: 1 });

    scans.resolve(undefined);
    await settle();
    now += 10; // Decoding is slow: it has all slots, all is read, and no other stage is to blame.
    expect(times()).toEqual({ ...none, decodeStarved: 1, deliverStarved: 11 });

    decodes.resolve(undefined);
    await first;
    await settle();
    now += 100; // The consumer is slow.
    expect(times()).toEqual({ ...none, decodeStarved: 1, decodeBlocked: 100, deliverStarved: 11, deliverBlocked: 100 });
    expect(meters.stats().decode.queued).toBe(2);
    await batches.return();
    now += 1000; // Nothing runs any more.
    expect(times()).toEqual({ ...none, decodeStarved: 1, decodeBlocked: 100, deliverStarved: 11, deliverBlocked: 100 });
    expect(meters.stats()).toMatchObject({ decode: { queued: 0 }, read: { queued: 0 } });
  });

  it('tell when reading waits for room', async () => {
    let now = 0;
    const directory = join(folder.path, 'more');
    await mkdir(directory);
    const more = await writeImageShards(directory, { shards: 5, samplesPerShard: 12 });
    const meters = metersOf(more, () => now);
    const setup = setupOf(4);
    await using inline = new InlineCrew(setup);
    const crew: Crew = {
      readers: 2,
      windowsAhead: 1,
      scan: (reader, request) => inline.scan(reader, request),
      decode: (request) => inline.decode(request),
      open: (reader, cursor, location) => inline.open(reader, cursor, location),
      close: (reader, cursor) => inline.close(reader, cursor),
      abort: (reason) => inline.abort(reason),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    const batches = epochOf({ shards: more, crew, slots: new SlotPool(SLOTS), setup, meters, shuffleBuffer: 0 });
    await batches.next();
    await settle();
    now += 7; // One window was read ahead, no more are allowed, and there are shards left.
    expect(meters.stats().read).toMatchObject({ blockedMs: 7, queued: 1 });
    await batches.return();
    now += 100;
    expect(meters.stats().read.blockedMs).toBe(7);
  });
});
