import { MemoryBackend } from '@warpforge/blob-backend/testing';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { readVerified } from '../src/index.ts';
import { REFUSED, SERVED, STOP, WRONG, type ViewReaderSetup } from './children/view-reader.ts';
import { Clock } from './clock.ts';
import { bytesOf, cacheFiles, CHUNK, KIB, MIB, openCache, quiet, storeWith, temporaryFolder, warmAll } from './harness.ts';

describe('a view for reader threads', () => {
  it('is there before the first byte, and serves what has come since', async () => {
    const content = bytesOf(1, 2 * MIB);
    const { backend, blob } = storeWith(content);
    const cache = await openCache(temporaryFolder(), { readaheadBlocks: 0 });
    await using file = await cache.openFile(backend, blob);
    const view = structuredClone(file.threadView()!);
    const target = Buffer.alloc(MIB);
    expect(readVerified(view, 0, 10, target)).toBe(-1);
    await file.read(0, 3 * CHUNK);
    await quiet(cache);
    expect(readVerified(view, 5, 2 * CHUNK, target)).toBe(2 * CHUNK);
    expect(Buffer.compare(target.subarray(0, 2 * CHUNK), content.subarray(5, 5 + 2 * CHUNK))).toBe(0);
    expect(readVerified(view, 2 * CHUNK, 2 * CHUNK, target)).toBe(-1);
    expect(readVerified(view, 2 * MIB, 10, target)).toBe(0);
  });

  it('counts what it serves like any read, and makes the block recently used', async () => {
    const { backend, blob } = storeWith(bytesOf(1, MIB + 5));
    const cache = await openCache(temporaryFolder());
    await warmAll(cache, backend, blob);
    await using file = await cache.openFile(backend, blob);
    const view = file.threadView()!;
    expect(readVerified(view, CHUNK - 1, 2, new Uint8Array(2))).toBe(2);
    expect(readVerified(view, MIB, 100, new Uint8Array(100))).toBe(5);
    expect(cache.stats()).toMatchObject({ hits: 3, misses: 0, servedDiskBytes: 7 });
  });

  it('serves no chunk before it is verified', async () => {
    const { backend, blob } = storeWith(bytesOf(1, MIB));
    const directory = temporaryFolder();
    const cache = await openCache(directory);
    await warmAll(cache, backend, blob);
    await cache[Symbol.asyncDispose]();
    const again = await openCache(directory, { readaheadBlocks: 0 });
    await using file = await again.openFile(backend, blob);
    const view = file.threadView()!;
    expect(readVerified(view, 0, 10, new Uint8Array(10))).toBe(-1);
    await file.read(0, 10);
    expect(readVerified(view, 0, 10, new Uint8Array(10))).toBe(10);
    expect(readVerified(view, CHUNK, 10, new Uint8Array(10))).toBe(-1);
  });

  it('sends a read to the main thread when the disk fails it', async () => {
    const { backend, blob } = storeWith(bytesOf(1, MIB));
    const directory = temporaryFolder();
    const cache = await openCache(directory);
    await warmAll(cache, backend, blob);
    await using file = await cache.openFile(backend, blob);
    const view = file.threadView()!;
    expect(cacheFiles(directory, '.data')).toHaveLength(1);
    const closed = openSync('/dev/null', 'r');
    closeSync(closed);
    expect(readVerified({ ...view, fd: closed }, 0, 10, new Uint8Array(10))).toBe(-1);
  });

  it('never shows a wrong byte while blocks are evicted and filled again under it', async () => {
    const backend = new MemoryBackend();
    const contents = Array.from({ length: 3 }, (_, index) => bytesOf(index, 3 * MIB + index * 1000));
    const blobs = contents.map((content, index) => backend.put(`blob-${index}`, content));
    const clock = new Clock();
    const cache = await openCache(temporaryFolder(), {
      maxSizeBytes: 5 * MIB,
      blockSizeBytes: 256 * KIB,
      evictLowWater: 0.3,
      now: clock.now,
    });
    const files = await Promise.all(blobs.map((blob) => cache.openFile(backend, blob)));
    const words = new Int32Array(new SharedArrayBuffer(16));
    const setup: ViewReaderSetup = { views: files.map((file, index) => ({ view: file.threadView()!, content: contents[index]! })), words };
    const worker = new Worker(new URL('./children/view-reader.ts', import.meta.url), {
      workerData: setup,
      execArgv: ['--conditions=@warpforge/source'],
    });
    const ended = once(worker, 'exit');
    const seen = (word: number): number => Atomics.load(words, word);
    for (let round = 0; round < 200 || seen(SERVED) < 100 || seen(REFUSED) < 100; round++) {
      clock.advance(1);
      const index = round % 3;
      const offset = Math.floor(Math.random() * 3 * MIB);
      const bytes = await files[index]!.read(offset, 300_000);
      expect(Buffer.compare(bytes, contents[index]!.subarray(offset, offset + 300_000))).toBe(0);
      expect(seen(WRONG)).toBe(0);
    }
    Atomics.store(words, STOP, 1);
    expect(await ended).toEqual([0]);
    expect(cache.stats().evictions).toBeGreaterThan(0);
    for (const file of files) await file[Symbol.asyncDispose]();
  });
});
