import { FaultyBackend } from '@warpforge/blob-backend/testing';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesOf, CHUNK, collect, KIB, MIB, openCache, quiet, readOnce, storeWith, temporaryFolder } from './harness.ts';

describe('reading', () => {
  it('gives the bytes of the blob for any range, from the network, from disk and after a restart', async () => {
    const content = bytesOf(1, 5 * MIB + 12_345);
    const { backend, blob } = storeWith(content);
    const directory = temporaryFolder();
    const ranges = fc.array(fc.tuple(fc.nat(content.length + 10), fc.oneof(fc.nat(3), fc.nat(5000), fc.nat(3 * MIB))), {
      minLength: 1,
      maxLength: 12,
    });
    await fc.assert(
      fc.asyncProperty(ranges, fc.boolean(), async (reads, together) => {
        const cache = await openCache(directory, { blockSizeBytes: 512 * KIB });
        const file = await cache.openFile(backend, blob);
        const check = async ([offset, length]: [number, number]): Promise<void> => {
          expect(Buffer.compare(await file.read(offset, length), content.subarray(offset, offset + length))).toBe(0);
        };
        if (together) await Promise.all(reads.map(check));
        else for (const read of reads) await check(read);
        await cache[Symbol.asyncDispose]();
      }),
      { numRuns: 25 },
    );
  });

  it.each([128 * KIB, 256 * KIB, 4 * MIB, 8 * MIB, 64 * MIB])('works with blocks of %i bytes', async (blockSizeBytes) => {
    const content = bytesOf(2, 9 * MIB + 1);
    const { backend, blob } = storeWith(content);
    const directory = temporaryFolder();
    for (let round = 0; round < 2; round++) {
      const cache = await openCache(directory, { blockSizeBytes });
      expect(Buffer.compare(await readOnce(cache, backend, blob, 0, blob.size), content)).toBe(0);
      await quiet(cache);
      expect(cache.isComplete(backend, blob)).toBe(true);
      await cache[Symbol.asyncDispose]();
    }
    expect(backend.requests.bytes).toBe(content.length);
  });

  it('takes an empty blob as complete, without a request and without a file', async () => {
    const { backend, blob } = storeWith(new Uint8Array(0));
    const cache = await openCache(temporaryFolder());
    expect(cache.isComplete(backend, blob)).toBe(true);
    expect(await readOnce(cache, backend, blob, 0, 10)).toHaveLength(0);
    expect(await cache.warm(backend, [blob])).toMatchObject({ files: 1, complete: 1, failed: [] });
    expect(backend.requests.read).toBe(0);
    expect(cache.stats().files).toBe(0);
  });

  it('clamps only at the end of the blob', async () => {
    const { backend, blob } = storeWith(bytesOf(3, 1000));
    const cache = await openCache(temporaryFolder());
    expect(await readOnce(cache, backend, blob, 990, 100)).toHaveLength(10);
    expect(await readOnce(cache, backend, blob, 1000, 100)).toHaveLength(0);
    expect(await readOnce(cache, backend, blob, 5000, 100)).toHaveLength(0);
    await expect(readOnce(cache, backend, blob, -1, 100)).rejects.toThrow(RangeError);
    await expect(readOnce(cache, backend, blob, 0.5, 100)).rejects.toThrow(RangeError);
  });

  it('answers as soon as the chunks of the read are there, not when the range is', async () => {
    const content = bytesOf(4, 4 * MIB);
    const { backend: memory, blob } = storeWith(content);
    const backend = new FaultyBackend(memory);
    const gate = backend.hold({ operation: 'read', afterBytes: 2 * CHUNK });
    const cache = await openCache(temporaryFolder(), { blockSizeBytes: 4 * MIB });
    await using file = await cache.openFile(backend, blob);
    const whole = file.read(0, 4 * MIB);
    await gate.reached();
    expect(Buffer.compare(await file.read(CHUNK, CHUNK), content.subarray(CHUNK, 2 * CHUNK))).toBe(0);
    gate.open();
    expect(Buffer.compare(await whole, content)).toBe(0);
    expect(memory.requests.read).toBe(1);
  });

  it('fetches one chunk for a cold random read of a few bytes, and one range for adjacent missing chunks', async () => {
    const { backend, blob } = storeWith(bytesOf(5, 16 * MIB));
    const cache = await openCache(temporaryFolder(), { blockSizeBytes: 4 * MIB });
    await readOnce(cache, backend, blob, 5 * MIB + 77, 4 * KIB);
    expect(backend.requests).toMatchObject({ read: 1, bytes: CHUNK });
    await quiet(cache);
    await readOnce(cache, backend, blob, 4 * MIB, 2 * MIB);
    expect(backend.requests).toMatchObject({ read: 3, bytes: 2 * MIB });
  });

  it('counts every chunk of a read once, as hit or miss, and the bytes by where they came from', async () => {
    const events = collect('read');
    const { backend, blob } = storeWith(bytesOf(6, 4 * MIB));
    const cache = await openCache(temporaryFolder(), { readaheadBlocks: 0 });
    await readOnce(cache, backend, blob, 0, 3 * CHUNK);
    await quiet(cache);
    await readOnce(cache, backend, blob, CHUNK + 1, 3 * CHUNK);
    expect(cache.stats()).toMatchObject({ misses: 5, hits: 2 });
    expect(events).toEqual([
      { backend: 'memory', path: blob.path, bytes: 3 * CHUNK, hits: 0, misses: 3 },
      { backend: 'memory', path: blob.path, bytes: 3 * CHUNK, hits: 2, misses: 2 },
    ]);
  });

  it('keeps a handle on its version: what is cached goes on, what is not says that the blob changed', async () => {
    const old = bytesOf(7, 2 * MIB);
    const { backend, blob } = storeWith(old);
    const cache = await openCache(temporaryFolder(), { readaheadBlocks: 0 });
    await using file = await cache.openFile(backend, blob);
    await file.read(0, CHUNK);
    const next = backend.put(blob.path, bytesOf(8, 2 * MIB));
    expect(Buffer.compare(await file.read(0, CHUNK), old.subarray(0, CHUNK))).toBe(0);
    await expect(file.read(MIB, CHUNK)).rejects.toMatchObject({ code: 'BLOB_CHANGED' });
    expect(Buffer.compare(await readOnce(cache, backend, next, MIB, CHUNK), bytesOf(8, 2 * MIB).subarray(MIB, MIB + CHUNK))).toBe(0);
    expect(cache.isComplete(backend, next)).toBe(false);
  });
});
