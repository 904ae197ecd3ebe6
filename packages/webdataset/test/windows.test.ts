import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SlotPool } from '../src/loader/slot-pool.ts';
import { WindowPool } from '../src/loader/window-pool.ts';
import { ShardWriter } from '../src/shard-writer.ts';
import { MIN_WINDOW_BYTES } from '../src/tar/scanner.ts';
import { type Crew, InlineCrew } from '../src/workers/crew.ts';
import { type DecodeRequest, NO_WINDOW, SOURCE_WORDS } from '../src/workers/protocol.ts';
import { epochOf, layout, metersOf, setupOf } from './epoch-harness.ts';
import { makeJpeg, keyOf, temporaryFolder } from './support.ts';

describe('WindowPool', () => {
  it('never gives a window to two, nor takes one back that is being decoded from or not yet handed out', () => {
    const command = fc.oneof(
      fc.constant({ kind: 'take' as const }),
      fc.record({ kind: fc.constantFrom('handOut', 'begin', 'end', 'drop'), which: fc.nat() }),
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.array(command, { maxLength: 80 }), (count, commands) => {
        const pool = new WindowPool(count);
        const leases: { lease: NonNullable<ReturnType<WindowPool['take']>>; handedOut: boolean; waiting: number }[] = [];
        const isLive = (entry: (typeof leases)[number]): boolean => entry.lease.valid;
        for (const step of commands) {
          if (step.kind === 'take') {
            const before = leases.filter(isLive);
            const lease = pool.take();
            const evicted = before.filter((entry) => !entry.lease.valid);
            for (const entry of evicted) expect(entry.handedOut && entry.lease.inFlight === 0).toBe(true);
            if (lease === undefined) {
              expect(before.length).toBe(count);
              expect(before.every((entry) => !entry.handedOut || entry.lease.inFlight > 0)).toBe(true);
              continue;
            }
            if (evicted.length > 0) {
              const candidates = before.filter((entry) => entry.handedOut && entry.lease.inFlight === 0);
              expect(evicted[0]!.lease.remaining).toBe(Math.min(...candidates.map((entry) => entry.lease.remaining)));
            }
            lease.remaining = 3;
            leases.push({ lease, handedOut: false, waiting: 3 });
            expect(new Set(leases.filter(isLive).map((entry) => entry.lease.slot)).size).toBe(leases.filter(isLive).length);
          } else if (leases.length > 0) {
            const entry = leases[step.which % leases.length]!;
            if (step.kind === 'handOut' && !entry.handedOut) {
              entry.handedOut = true;
              pool.allowReclaim(entry.lease);
            } else if (step.kind === 'begin' && entry.lease.valid && entry.handedOut && entry.waiting > 0) {
              entry.waiting--;
              pool.begin(entry.lease);
            } else if (step.kind === 'end' && entry.lease.inFlight > 0) {
              pool.end(entry.lease);
            } else if (step.kind === 'drop' && entry.handedOut && entry.waiting > 0) {
              entry.waiting--;
              pool.drop(entry.lease);
            }
          }
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('an epoch', () => {
  const count = 60;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let shards: string[];

  beforeAll(async () => {
    folder = await temporaryFolder();
    await using writer = new ShardWriter({ directory: folder.path, maxCount: 17 });
    // About eight samples a window; what follows a JPEG's end is ignored by decoders.
    const padding = Buffer.alloc(120_000);
    for (let index = 0; index < count; index++) {
      await writer.write({ __key__: keyOf(index), cls: index, jpg: Buffer.concat([makeJpeg(8, 8, index % 4), padding]) });
    }
    shards = (await writer.close()).map(({ path }) => path);
  });
  afterAll(() => folder[Symbol.asyncDispose]());

  /** Runs an epoch in this thread, with the windows given, as if threads read ahead; tells how many images were read one by one. */
  async function run(
    windowCount: number,
    windowsAhead: number,
    shuffleBuffer: number,
  ): Promise<{ labels: number[]; pixels: Buffer; readSingly: number; shardsAtOnce: number }> {
    const setup = setupOf(windowCount);
    await using inline = new InlineCrew(setup);
    let readSingly = 0;
    const scanning = new Set<number>();
    let shardsAtOnce = 0;
    const crew: Crew = {
      readers: 3,
      windowsAhead,
      scan: async (reader, request) => {
        expect(scanning.has(request.cursor), 'one scan at a time of a shard').toBe(false);
        scanning.add(request.cursor);
        shardsAtOnce = Math.max(shardsAtOnce, scanning.size);
        try {
          return await inline.scan(reader, request);
        } finally {
          scanning.delete(request.cursor);
        }
      },
      open: (reader, cursor, location) => inline.open(reader, cursor, location),
      close: (reader, cursor) => inline.close(reader, cursor),
      decode: (request: DecodeRequest) => {
        const width = 1 + 2 * SOURCE_WORDS;
        for (let at = 1; at < request.sources.length; at += width) if (request.sources[at] === NO_WINDOW) readSingly++;
        return inline.decode(request);
      },
      abort: (reason) => inline.abort(reason),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    const slots = new SlotPool(3);
    const labels: number[] = [];
    const pixels: Buffer[] = [];
    for await (const { slot, samples } of epochOf({ shards, crew, slots, setup, meters: metersOf(shards), shuffleBuffer: shuffleBuffer })) {
      const batch = layout.batchFields(setup.slots, slot * setup.slotBytes, samples.length, []);
      labels.push(...(batch['label'] as Int32Array));
      pixels.push(Buffer.from((batch['image'] as { data: Uint8Array }).data));
      slots.release(slot);
    }
    return { labels, pixels: Buffer.concat(pixels), readSingly, shardsAtOnce };
  }

  it('is the same for any number of windows, down to one, and any reading ahead', async () => {
    for (const shuffleBuffer of [0, 10, 1000]) {
      const expected = await run(16, 8, shuffleBuffer);
      expect([...expected.labels].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, index) => index));
      expect(expected.readSingly).toBe(0);
      expect(expected.shardsAtOnce, 'as many as there are readers').toBe(3);
      for (const [windowCount, windowsAhead] of [
        [1, 0],
        [1, 1],
        [2, 1],
        [3, 2],
        [4, 8],
        [16, 0],
      ] as const) {
        const { labels, pixels } = await run(windowCount, windowsAhead, shuffleBuffer);
        expect(labels, `${windowCount} windows, ${windowsAhead} ahead`).toEqual(expected.labels);
        expect(pixels.equals(expected.pixels)).toBe(true);
      }
    }
  });

  it('that is left waits for the reads and decodes under way, so that the next one has all memory to itself', async () => {
    const setup = setupOf(4);
    await using inline = new InlineCrew(setup);
    const gate = Promise.withResolvers<undefined>();
    let working = 0;
    /** Lets the first calls through, then holds all work until the gate opens. */
    const gated = async <T>(work: () => Promise<T>, isHeld: boolean): Promise<T> => {
      working++;
      if (isHeld) await gate.promise;
      const result = await work();
      working--;
      return result;
    };
    let scans = 0;
    let decodes = 0;
    const crew: Crew = {
      readers: 3,
      windowsAhead: 3,
      scan: (reader, request) => gated(() => inline.scan(reader, request), ++scans > 2),
      open: (reader, cursor, location) => inline.open(reader, cursor, location),
      close: (reader, cursor) => inline.close(reader, cursor),
      decode: (request) => gated(() => inline.decode(request), ++decodes > 1),
      abort: (reason) => inline.abort(reason),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    const slots = new SlotPool(3);
    const batches = epochOf({ shards, crew, slots, setup, meters: metersOf(shards), shuffleBuffer: 0 });
    const { value } = await batches.next();
    expect(working).toBeGreaterThan(1);
    let isLeft = false;
    const leaving = batches.return().then(() => (isLeft = true));
    for (let turn = 0; turn < 100; turn++) await setImmediate();
    expect(isLeft).toBe(false);
    gate.resolve(undefined);
    await leaving;
    expect(working).toBe(0);
    // All slots are back but the one in use.
    slots.release(value!.slot);
    const signal = AbortSignal.abort(new Error('no slot is free'));
    const free = await Promise.all([
      slots.acquire(new AbortController().signal),
      slots.acquire(new AbortController().signal),
      slots.acquire(new AbortController().signal),
    ]);
    expect(new Set(free).size).toBe(3);
    await expect(slots.acquire(signal)).rejects.toThrow('no slot is free');
  });

  it('reads single images only of windows that it had to give up', async () => {
    expect((await run(1, 0, 1000)).readSingly).toBeGreaterThan(40);
    expect((await run(1, 0, 0)).readSingly).toBeLessThan(40);
    expect((await readFile(join(folder.path, 'shard-000000.tar'))).length).toBeGreaterThan(MIN_WINDOW_BYTES);
  });
});
