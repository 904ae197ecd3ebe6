import { MemoryBackend } from '@warpforge/blob-backend/testing';
import { mkdirSync, rmSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readVerified, type CachedFile } from '../src/index.ts';
import { Clock } from './clock.ts';
import {
  bytesOf,
  cacheFiles,
  CHUNK,
  collect,
  diskUsage,
  KIB,
  MIB,
  openCache,
  quiet,
  readOnce,
  temporaryFolder,
  until,
  warmAll,
} from './harness.ts';

/** Whether the byte at `offset` is on disk. */
function isCached(file: CachedFile, offset: number): boolean {
  const view = file.threadView();
  return view !== undefined && readVerified(view, offset, 1, new Uint8Array(1)) === 1;
}

function store(count: number, size: number) {
  const backend = new MemoryBackend();
  const blobs = Array.from({ length: count }, (_, index) => backend.put(`shard-${index}`, bytesOf(index, size)));
  return { backend, blobs };
}

describe('eviction', () => {
  it('starts above the high water mark, ends below the low one, and never lets the data exceed the limit', async () => {
    const { backend, blobs } = store(30, MIB);
    const directory = temporaryFolder();
    const clock = new Clock();
    const maxSizeBytes = 10 * MIB;
    const cache = await openCache(directory, {
      maxSizeBytes,
      evictHighWater: 0.8,
      evictLowWater: 0.5,
      now: clock.now,
      blockSizeBytes: 256 * KIB,
    });
    const sizes: number[] = [];
    for (const blob of blobs) {
      clock.advance(2);
      await readOnce(cache, backend, blob, 0, MIB);
      await quiet(cache);
      sizes.push(cache.stats().sizeBytes);
    }
    expect(cache.stats().sizeBytes).toBe(diskUsage(directory));
    expect(Math.max(...sizes)).toBeLessThanOrEqual(maxSizeBytes);
    expect(Math.max(...sizes)).toBeGreaterThan(maxSizeBytes * 0.6);
    for (const [index, size] of sizes.entries()) {
      const before = sizes[index - 1] ?? 0;
      if (size < before) expect(size).toBeLessThanOrEqual(maxSizeBytes * 0.5 + 64 * KIB);
    }
    expect(cache.stats().evictions).toBeGreaterThan(60);
    expect(cache.stats().uncachedBytes).toBe(0);
  });

  it('takes the blocks that were used longest ago, also of files that are open, and their readers see no hole', async () => {
    const { backend, blobs } = store(2, 8 * MIB);
    const [first, second] = blobs;
    const clock = new Clock();
    const cache = await openCache(temporaryFolder(), { maxSizeBytes: 10 * MIB, now: clock.now, readaheadBlocks: 0 });
    await using file = await cache.openFile(backend, first!);
    for (let block = 0; block < 8; block++) {
      clock.advance(10);
      await file.read(block * MIB, MIB);
    }
    await quiet(cache);
    clock.advance(10);
    await file.read(0, 10);
    const view = file.threadView()!;
    await using other = await cache.openFile(backend, second!);
    for (let block = 0; block < 3; block++) {
      clock.advance(10);
      await other.read(block * MIB, MIB);
      await quiet(cache);
    }
    const cached = Array.from({ length: 8 }, (_, block) => isCached(file, block * MIB));
    expect(cached[0]).toBe(true);
    expect(cached[1]).toBe(false);
    expect(cached.indexOf(true, 1)).toBe(8 - cached.filter(Boolean).length + 1);
    expect(isCached(other, 2 * MIB)).toBe(true);
    const target = new Uint8Array(MIB);
    expect(readVerified(view, MIB, MIB, target)).toBe(-1);
    expect(Buffer.compare(await file.read(0, 8 * MIB), bytesOf(0, 8 * MIB))).toBe(0);
  });

  it('takes superseded versions without handles first', async () => {
    const { backend, blobs } = store(3, 2 * MIB);
    const clock = new Clock();
    const events = collect('eviction');
    const cache = await openCache(temporaryFolder(), { maxSizeBytes: 10 * MIB, now: clock.now });
    await warmAll(cache, backend, ...blobs);
    clock.advance(10);
    const oldest = blobs[0]!;
    const middle = blobs[1]!;
    const next = backend.put(middle.path, bytesOf(77, 2 * MIB));
    await warmAll(cache, backend, next);
    expect(cache.isComplete(backend, middle)).toBe(true);
    clock.advance(10);
    const more = backend.put('more', bytesOf(78, 2 * MIB));
    await readOnce(cache, backend, more, 0, 2 * MIB);
    await quiet(cache);
    expect(events[0]).toMatchObject({ path: middle.path, etag: middle.etag, reason: 'superseded' });
    expect(cache.isComplete(backend, middle)).toBe(false);
    expect(cache.isComplete(backend, oldest)).toBe(true);
    expect(cache.isComplete(backend, next)).toBe(true);
  });

  it('brings a cache below a limit that was lowered', async () => {
    const { backend, blobs } = store(8, MIB);
    const directory = temporaryFolder();
    const cache = await openCache(directory);
    await warmAll(cache, backend, ...blobs);
    await cache[Symbol.asyncDispose]();
    const smaller = await openCache(directory, { maxSizeBytes: 4 * MIB });
    await until(() => smaller.stats().sizeBytes <= 4 * MIB * 0.8);
    expect(smaller.stats().sizeBytes).toBe(diskUsage(directory));
    expect(smaller.stats().sizeBytes).toBeGreaterThan(MIB);
  });

  it('keeps its order over a restart', async () => {
    const { backend, blobs } = store(8, MIB);
    const directory = temporaryFolder();
    const clock = new Clock();
    const options = { maxSizeBytes: 10 * MIB, now: clock.now };
    const cache = await openCache(directory, options);
    for (const blob of blobs) {
      clock.advance(10);
      await warmAll(cache, backend, blob);
    }
    clock.advance(10);
    await readOnce(cache, backend, blobs[0]!, 0, 10);
    await cache[Symbol.asyncDispose]();
    clock.advance(100);
    const again = await openCache(directory, options);
    for (const index of [1, 2]) {
      clock.advance(10);
      await readOnce(again, backend, backend.put(`new-${index}`, bytesOf(100 + index, MIB)), 0, MIB);
      await quiet(again);
    }
    const complete = blobs.map((blob) => again.isComplete(backend, blob));
    expect(complete[0]).toBe(true);
    expect(complete[1]).toBe(false);
    expect(complete[7]).toBe(true);
  });

  it('serves new data without keeping it when nothing may go, and keeps small reads of it cheap', async () => {
    const events = collect('degraded');
    const { backend, blobs } = store(1, 6 * MIB);
    const cache = await openCache(temporaryFolder(), { maxSizeBytes: 4 * MIB, evictLowWater: 0.7, readaheadBlocks: 0 });
    const kept = backend.put('kept', bytesOf(9, 3 * MIB));
    await warmAll(cache, backend, kept);
    await using held = await cache.openFile(backend, kept);
    expect(await held.passthroughFd()).toBeTypeOf('number');
    await using file = await cache.openFile(backend, blobs[0]!);
    for (let offset = 0; offset < 6 * MIB; offset += MIB) {
      expect(Buffer.compare(await file.read(offset, MIB), bytesOf(0, 6 * MIB).subarray(offset, offset + MIB))).toBe(0);
      await quiet(cache);
    }
    expect(cache.stats().uncachedBytes).toBeGreaterThan(0);
    expect(cache.stats().sizeBytes).toBeLessThanOrEqual(4 * MIB);
    expect(cache.isComplete(backend, kept)).toBe(true);
    expect(events).toContainEqual(expect.objectContaining({ operation: 'full' }));
    const requests = backend.requests.read;
    for (let offset = 0; offset < CHUNK; offset += 4 * KIB) await file.read(5 * MIB + offset, 4 * KIB);
    expect(backend.requests.read - requests).toBeLessThanOrEqual(1);
  });

  it('goes on past a file that can’t be removed', async () => {
    const { backend, blobs } = store(8, MIB);
    const directory = temporaryFolder();
    const clock = new Clock();
    const cache = await openCache(directory, { maxSizeBytes: 10 * MIB, now: clock.now });
    await warmAll(cache, backend, blobs[0]!);
    const [data = ''] = cacheFiles(directory, '.data');
    for (const blob of blobs.slice(1)) {
      clock.advance(10);
      await warmAll(cache, backend, blob);
    }
    await cache[Symbol.asyncDispose]();
    const again = await openCache(directory, { maxSizeBytes: 10 * MIB, now: clock.now });
    rmSync(data);
    mkdirSync(data); // unlink fails with EISDIR
    for (let index = 0; index < 4; index++) {
      clock.advance(10);
      await readOnce(again, backend, backend.put(`new-${index}`, bytesOf(50 + index, MIB)), 0, MIB);
      await quiet(again);
    }
    expect(again.stats()).toMatchObject({ uncachedBytes: 0 });
    expect(again.stats().evictions).toBeGreaterThan(0);
    expect(again.stats().sizeBytes).toBeLessThanOrEqual(10 * MIB);
  });

  it('leaves the free space of the file system alone that it was told to', async () => {
    const { backend, blobs } = store(1, MIB);
    const cache = await openCache(temporaryFolder(), { minFreeBytes: Number.MAX_SAFE_INTEGER });
    expect(Buffer.compare(await readOnce(cache, backend, blobs[0]!, 0, MIB), bytesOf(0, MIB))).toBe(0);
    await quiet(cache);
    expect(cache.stats()).toMatchObject({ uncachedBytes: MIB, completeFiles: 0 });
  });
});
