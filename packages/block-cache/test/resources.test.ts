import { FaultyBackend, MemoryBackend } from '@warpforge/blob-backend/testing';
import { readdirSync, readlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { BlockCache, CacheError } from '../src/index.ts';
import { bytesOf, CHUNK, MIB, openCache, quiet, readOnce, storeWith, temporaryFolder, until, warmAll } from './harness.ts';

/** Open descriptors of this process below `directory`. */
function descriptors(directory: string): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(directory);
    } catch {
      return false; // The descriptor that listed the folder is gone.
    }
  }).length;
}

describe('bounds', () => {
  it('buffers between network and disk stay below the memory limit, whatever is asked for at once', async () => {
    const { backend, blob } = storeWith(bytesOf(1, 48 * MIB));
    const cache = await openCache(temporaryFolder(), { memoryLimitBytes: 4 * MIB, blockSizeBytes: 8 * MIB, maxParallelFetch: 16 });
    const files = await Promise.all(Array.from({ length: 4 }, () => cache.openFile(backend, blob)));
    let most = 0;
    let done = false;
    const watch = until(() => {
      most = Math.max(most, cache.stats().bufferedBytes);
      return done;
    });
    const reads = files.map((file, index) => file.read(index * 12 * MIB, 12 * MIB));
    const warming = cache.warm(backend, [blob]);
    const content = bytesOf(1, 48 * MIB);
    for (const [index, bytes] of (await Promise.all(reads)).entries()) {
      expect(Buffer.compare(bytes, content.subarray(index * 12 * MIB, (index + 1) * 12 * MIB))).toBe(0);
    }
    expect(await warming).toMatchObject({ complete: 1 });
    done = true;
    await watch;
    expect(most).toBeGreaterThan(2 * MIB);
    expect(most).toBeLessThanOrEqual(4 * MIB);
    await quiet(cache);
    expect(backend.requests.bytes).toBe(blob.size);
  });

  it('no more requests than allowed are in flight', async () => {
    const { backend: memory, blob } = storeWith(bytesOf(1, 32 * MIB));
    const backend = new FaultyBackend(memory);
    const gate = backend.hold({ operation: 'read' });
    const cache = await openCache(temporaryFolder(), { maxParallelFetch: 3 });
    await using file = await cache.openFile(backend, blob);
    const reads = Array.from({ length: 10 }, (_, index) => file.read(index * 3 * MIB, CHUNK));
    await gate.reached(3);
    expect(cache.stats()).toMatchObject({ activeFetches: 3, queuedFetches: 7 });
    expect(gate.waiting).toBe(3);
    gate.open();
    await Promise.all(reads);
  });

  it('files that nobody reads keep only so many descriptors, and all are read again', async () => {
    const backend = new MemoryBackend();
    const directory = temporaryFolder();
    const blobs = Array.from({ length: 400 }, (_, index) => backend.put(`small/${index}`, bytesOf(index, 100 + index)));
    const cache = await openCache(directory);
    await warmAll(cache, backend, ...blobs);
    await until(() => cache.stats().openDescriptors <= 256);
    expect(descriptors(directory)).toBeLessThanOrEqual(256 + 1);
    for (const [index, blob] of blobs.entries())
      expect(Buffer.compare(await readOnce(cache, backend, blob, 0, 1000), bytesOf(index, 100 + index))).toBe(0);
    expect(backend.requests.read).toBe(400);
    await cache[Symbol.asyncDispose]();
    expect(descriptors(directory)).toBe(0);
  });
});

describe('closing', () => {
  it('waits for what has arrived to be on disk, and gives the directory free', async () => {
    const directory = temporaryFolder();
    const { backend, blob } = storeWith(bytesOf(1, 4 * MIB));
    const cache = await openCache(directory);
    const file = await cache.openFile(backend, blob);
    await file.read(0, 4 * MIB);
    await cache[Symbol.asyncDispose]();
    expect(descriptors(directory)).toBe(0);
    const again = await openCache(directory);
    expect(again.isComplete(backend, blob)).toBe(true);
  });

  it('ends reads that wait for the network, and refuses later ones by code', async () => {
    const { backend: memory, blob } = storeWith(bytesOf(1, 4 * MIB));
    const backend = new FaultyBackend(memory);
    const gate = backend.hold({ operation: 'read' });
    const cache = await openCache(temporaryFolder());
    const file = await cache.openFile(backend, blob);
    const reading = file.read(0, 10);
    const warming = cache.warm(backend, [blob]);
    reading.catch(() => undefined);
    await gate.reached();
    await cache[Symbol.asyncDispose]();
    await expect(reading).rejects.toBeInstanceOf(CacheError);
    await expect(reading).rejects.toMatchObject({ code: 'CACHE_CLOSED' });
    expect(await warming).toMatchObject({ complete: 0, failed: [{ error: { code: 'CACHE_CLOSED' } }] });
    await expect(file.read(0, 10)).rejects.toMatchObject({ code: 'CACHE_CLOSED' });
    await expect(file.passthroughFd()).rejects.toMatchObject({ code: 'CACHE_CLOSED' });
    expect(() => file.threadView()).toThrow(CacheError);
    await expect(cache.openFile(backend, blob)).rejects.toMatchObject({ code: 'CACHE_CLOSED' });
    await expect(cache.warm(backend, [])).rejects.toMatchObject({ code: 'CACHE_CLOSED' });
    await cache[Symbol.asyncDispose]();
  });

  it('waits for reads from disk, so that nothing touches the directory afterwards', async () => {
    const content = bytesOf(1, 8 * MIB);
    const { backend, blob } = storeWith(content);
    const cache = await openCache(temporaryFolder());
    await warmAll(cache, backend, blob);
    const file = await cache.openFile(backend, blob);
    let ended = 0;
    const reads = Array.from({ length: 40 }, async () => {
      expect(Buffer.compare(await file.read(0, blob.size), content)).toBe(0);
      ended++;
    });
    await file[Symbol.asyncDispose]();
    await cache[Symbol.asyncDispose]();
    expect(ended).toBe(40);
    expect(cache.stats().openHandles).toBe(0);
    await Promise.all(reads);
  });

  it('of a handle lets its reads end', async () => {
    const content = bytesOf(1, MIB);
    const { backend, blob } = storeWith(content);
    const cache = await openCache(temporaryFolder());
    const file = await cache.openFile(backend, blob);
    const reading = file.read(0, MIB);
    await file[Symbol.asyncDispose]();
    await file[Symbol.asyncDispose]();
    expect(Buffer.compare(await reading, content)).toBe(0);
    await quiet(cache);
    expect(cache.isComplete(backend, blob)).toBe(true);
    expect(cache.stats().openHandles).toBe(0);
  });

  it('of a handle on a file of which nothing was read leaves no file behind', async () => {
    const { backend, blob } = storeWith(bytesOf(1, MIB));
    const cache = await openCache(temporaryFolder());
    const file = await cache.openFile(backend, blob);
    expect(file.threadView()).toBeDefined();
    expect(cache.stats().files).toBe(1);
    await file[Symbol.asyncDispose]();
    await until(() => cache.stats().files === 0);
    expect(cache.stats().sizeBytes).toBe(0);
  });
});

describe('options', () => {
  const directory = '/tmp/block-cache-never-made';
  it.each([
    ['maxSizeBytes', { maxSizeBytes: 0 }],
    ['maxSizeBytes', { maxSizeBytes: 1.5 }],
    ['minFreeBytes', { minFreeBytes: -1 }],
    ['blockSizeBytes', { blockSizeBytes: 100_000 }],
    ['blockSizeBytes', { blockSizeBytes: 64 * 1024 }],
    ['blockSizeBytes', { blockSizeBytes: 128 * MIB }],
    ['maxParallelFetch', { maxParallelFetch: 0 }],
    ['readaheadBlocks', { readaheadBlocks: -1 }],
    ['evictHighWater', { evictHighWater: 1.1 }],
    ['evictLowWater', { evictLowWater: 0.95 }],
    ['memoryLimitBytes', { memoryLimitBytes: MIB }],
    ['directory', { directory: '' }],
  ])('%s out of its limits is named: %o', async (name, options) => {
    const refused = BlockCache.open({ directory, maxSizeBytes: MIB, ...options });
    await expect(refused).rejects.toMatchObject({ code: 'CACHE_OPTION', message: expect.stringContaining(name) as unknown });
  });
});
