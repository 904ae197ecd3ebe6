import { FaultyBackend } from '@warpforge/blob-backend/testing';
import { describe, expect, it } from 'vitest';
import { readVerified } from '../src/index.ts';
import { Readahead } from '../src/readahead.ts';
import { bytesOf, CHUNK, KIB, MIB, openCache, quiet, storeWith, temporaryFolder, until } from './harness.ts';

describe('the window of a handle', () => {
  const reads = (readahead: Readahead, size: number, count: number, from = 0): number[] =>
    Array.from({ length: count }, (_, index) => readahead.onRead(from + index * size, from + (index + 1) * size).until);

  it('opens at the second read in sequence, doubles as the reader moves on, and stays at its limit', () => {
    const ends = reads(new Readahead(1000 * MIB, MIB, 8), 128 * KIB, 200);
    expect(ends[0]).toBe(0);
    expect(ends[1]).toBe(2 * MIB);
    for (const [index, end] of ends.entries()) {
      const position = (index + 1) * 128 * KIB;
      expect(end - position).toBeLessThanOrEqual(9 * MIB);
      if (index > 100) expect(end - position).toBeGreaterThanOrEqual(4 * MIB);
    }
  });

  it('ends at the end of the blob', () => {
    expect(reads(new Readahead(3 * MIB + 5, MIB, 8), MIB, 3).at(-1)).toBe(3 * MIB + 5);
  });

  it('does not open for random reads, and closes when a reader leaves its run', () => {
    const readahead = new Readahead(1000 * MIB, MIB, 8);
    const ends = Array.from({ length: 100 }, (_, index) => {
      const offset = ((index * 7919) % 250) * 4 * MIB;
      return readahead.onRead(offset, offset + 4096).until;
    });
    expect(Math.max(...ends)).toBe(0);
    reads(readahead, MIB, 4, 500 * MIB);
    expect(readahead.onRead(0, 4096)).toEqual({ until: 0, abandoned: true, trigger: undefined });
  });

  it('takes pieces in any order within the kernel’s own read-ahead', () => {
    const readahead = new Readahead(100 * MIB, MIB, 8);
    const order = [0, 2, 1, 3, 5, 4, 7, 6];
    const ends = order.map((index) => readahead.onRead(index * 256 * KIB, (index + 1) * 256 * KIB).until);
    expect(ends.at(-1)).toBeGreaterThanOrEqual(3 * MIB);
  });

  it('is off with a limit of 0', () => {
    expect(Math.max(...reads(new Readahead(100 * MIB, MIB, 0), MIB, 20))).toBe(0);
  });

  it('follows a reader whose reads a thread serves', () => {
    const readahead = new Readahead(100 * MIB, MIB, 8);
    readahead.onRead(0, CHUNK);
    readahead.onRead(CHUNK, 2 * CHUNK);
    expect(readahead.onRead(40 * MIB, 41 * MIB, 40 * MIB).until).toBeGreaterThan(41 * MIB);
  });
});

describe('read-ahead', () => {
  it('fetches ahead of a sequential reader in large requests, and counts what was read of it', async () => {
    const content = bytesOf(1, 16 * MIB);
    const { backend, blob } = storeWith(content);
    const cache = await openCache(temporaryFolder(), { readaheadBlocks: 4 });
    await using file = await cache.openFile(backend, blob);
    for (let offset = 0; offset < blob.size; offset += CHUNK) {
      expect(Buffer.compare(await file.read(offset, CHUNK), content.subarray(offset, offset + CHUNK))).toBe(0);
    }
    const { readaheadHits, readaheadWasted, misses } = cache.stats();
    expect(backend.requests.bytes).toBe(blob.size);
    expect(backend.requests.read).toBeLessThanOrEqual(20);
    expect(readaheadHits).toBeGreaterThan(100);
    expect(readaheadWasted).toBe(0);
    expect(misses).toBeLessThan(128);
  });

  it('fetches nothing ahead of random readers', async () => {
    const { backend, blob } = storeWith(bytesOf(1, 64 * MIB));
    const cache = await openCache(temporaryFolder());
    await using file = await cache.openFile(backend, blob);
    for (let index = 0; index < 20; index++) await file.read(((index * 11) % 16) * 4 * MIB + index * CHUNK, 4096);
    expect(backend.requests.bytes).toBe(20 * CHUNK);
    expect(cache.stats()).toMatchObject({ readaheadHits: 0, readaheadWasted: 0 });
  });

  it('ends the requests of a reader that goes elsewhere or away, and counts what nobody read', async () => {
    const { backend: memory, blob } = storeWith(bytesOf(1, 64 * MIB));
    const backend = new FaultyBackend(memory);
    const cache = await openCache(temporaryFolder(), { readaheadBlocks: 4, maxParallelFetch: 2 });
    const file = await cache.openFile(backend, blob);
    for (let index = 0; index < 8; index++) await file.read(index * CHUNK, CHUNK);
    await quiet(cache);
    await file.read(40 * MIB, 10);
    const { readaheadWasted } = cache.stats();
    expect(readaheadWasted).toBeGreaterThan(0);
    await file.read(0, MIB);
    const gate = backend.hold({ operation: 'read', afterBytes: 10 });
    const reading = file.read(50 * MIB, CHUNK);
    void reading.catch(() => undefined);
    await gate.reached();
    gate.open();
    await reading;
    backend.heal();
    for (let index = 1; index < 8; index++) await file.read(50 * MIB + index * CHUNK, CHUNK);
    await file[Symbol.asyncDispose]();
    await quiet(cache);
    expect(memory.openReads).toBe(0);
  });

  it('goes on for a reader that threads serve: the read at the mark comes to the main thread', async () => {
    const content = bytesOf(1, 32 * MIB);
    const { backend, blob } = storeWith(content);
    const cache = await openCache(temporaryFolder(), { readaheadBlocks: 8 });
    await using file = await cache.openFile(backend, blob);
    const view = file.threadView()!;
    const target = Buffer.alloc(CHUNK);
    let onMain = 0;
    for (let offset = 0; offset < blob.size; offset += CHUNK) {
      if (readVerified(view, offset, CHUNK, target) === CHUNK) {
        expect(Buffer.compare(target, content.subarray(offset, offset + CHUNK))).toBe(0);
      } else {
        onMain++;
        expect(Buffer.compare(await file.read(offset, CHUNK), content.subarray(offset, offset + CHUNK))).toBe(0);
        await quiet(cache); // The network is fast here: what is asked for ahead is there at the next read.
      }
    }
    expect(onMain).toBeLessThan(20);
    expect(backend.requests.bytes).toBe(blob.size);
    expect(cache.stats().misses).toBeLessThan(20);
  });

  it('gives way to readers: their requests start first, and a waiting request that gets a reader moves up', async () => {
    const { backend: memory, blob } = storeWith(bytesOf(1, 64 * MIB));
    const backend = new FaultyBackend(memory);
    const cache = await openCache(temporaryFolder(), { readaheadBlocks: 8, maxParallelFetch: 1, blockSizeBytes: 4 * MIB });
    await using file = await cache.openFile(backend, blob);
    await using other = await cache.openFile(backend, blob);
    await file.read(0, CHUNK);
    await quiet(cache);
    const order: number[] = [];
    const inner = memory.read.bind(memory);
    memory.read = (path, options) => {
      order.push(options.offset);
      return inner(path, options);
    };
    const gate = backend.hold({ operation: 'read', times: 1 });
    const first = file.read(CHUNK, CHUNK);
    await gate.reached();
    await until(() => cache.stats().queuedFetches > 0);
    const late = other.read(60 * MIB, 10);
    gate.open();
    await Promise.all([first, late]);
    expect(order.slice(0, 2)).toEqual([CHUNK, 60 * MIB]);
  });
});
