import { MemoryBackend } from '@warpforge/blob-backend/testing';
import { describe, expect, it, vi } from 'vitest';
import { BlockCache } from '../src/index.ts';
import { Clock } from './clock.ts';
import { bytesOf, collect, MIB, openCache, quiet, readOnce, temporaryFolder, warmAll } from './harness.ts';

// What a platform without a prebuilt `koffi` sees.
vi.mock('../src/libc.ts', () => ({ loadLibc: () => ({ libc: undefined, reason: new Error('Cannot find module koffi') }) }));

describe('without the native module', () => {
  it('says so once, and still allows one owner only', async () => {
    const events = collect('degraded');
    const directory = temporaryFolder();
    const cache = await openCache(directory);
    expect(events).toMatchObject([{ operation: 'native', error: { message: 'Cannot find module koffi' } }]);
    expect(cache.stats().punchesHoles).toBe(false);
    await expect(BlockCache.open({ directory, maxSizeBytes: MIB })).rejects.toMatchObject({
      code: 'CACHE_LOCKED',
      owner: { pid: process.pid },
    });
    await cache[Symbol.asyncDispose]();
    await openCache(directory);
  });

  it('evicts whole files, least recently used first, and none that is open', async () => {
    const backend = new MemoryBackend();
    const blobs = Array.from({ length: 4 }, (_, index) => backend.put(`blob-${index}`, bytesOf(index, 2 * MIB)));
    const clock = new Clock();
    const cache = await openCache(temporaryFolder(), { maxSizeBytes: 10 * MIB, now: clock.now });
    for (const blob of blobs) {
      clock.advance(10);
      await warmAll(cache, backend, blob);
    }
    await using held = await cache.openFile(backend, blobs[0]!);
    for (let index = 4; index < 7; index++) {
      clock.advance(10);
      const blob = backend.put(`blob-${index}`, bytesOf(index, 2 * MIB));
      expect(Buffer.compare(await readOnce(cache, backend, blob, 0, blob.size), bytesOf(index, 2 * MIB))).toBe(0);
      await quiet(cache);
    }
    expect(blobs.map((blob) => cache.isComplete(backend, blob))).toEqual([true, false, false, expect.any(Boolean)]);
    expect(Buffer.compare(await held.read(0, 2 * MIB), bytesOf(0, 2 * MIB))).toBe(0);
    expect(cache.stats().sizeBytes).toBeLessThanOrEqual(10 * MIB);
  });
});
