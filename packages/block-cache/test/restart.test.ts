import { describe, expect, it } from 'vitest';
import { bytesOf, CHUNK, diskUsage, KIB, MIB, openCache, quiet, readOnce, storeWith, temporaryFolder, warmAll } from './harness.ts';

describe('a restart', () => {
  it('finds the same size, files and chunks, and asks the network for nothing', async () => {
    const { backend, blob } = storeWith(bytesOf(1, 5 * MIB + 3), 'a');
    const small = Array.from({ length: 20 }, (_, index) => backend.put(`small/${index}`, bytesOf(index, 1000 * index)));
    const partly = backend.put('partly', bytesOf(3, 8 * MIB));
    const directory = temporaryFolder();
    const first = await openCache(directory, { readaheadBlocks: 0 });
    await warmAll(first, backend, blob, ...small);
    await readOnce(first, backend, partly, 3 * MIB, 10);
    await quiet(first);
    const before = first.stats();
    expect(before.sizeBytes).toBe(diskUsage(directory));
    await first[Symbol.asyncDispose]();
    const requests = backend.requests.read;
    const second = await openCache(directory);
    const { sizeBytes, files, completeFiles } = second.stats();
    expect({ sizeBytes, files, completeFiles }).toEqual({
      sizeBytes: before.sizeBytes,
      files: before.files,
      completeFiles: before.completeFiles,
    });
    expect(completeFiles).toBe(20);
    for (const each of [blob, ...small]) expect(second.isComplete(backend, each)).toBe(true);
    expect(second.isComplete(backend, partly)).toBe(false);
    await readOnce(second, backend, partly, 3 * MIB, 10);
    await readOnce(second, backend, blob, 0, blob.size);
    expect(backend.requests.read).toBe(requests);
  });

  it('keeps the block size of the files that are there', async () => {
    const content = bytesOf(1, 4 * MIB);
    const { backend, blob } = storeWith(content);
    const directory = temporaryFolder();
    for (const blockSizeBytes of [256 * KIB, 64 * MIB, 128 * KIB]) {
      const cache = await openCache(directory, { blockSizeBytes, readaheadBlocks: 0 });
      await using file = await cache.openFile(backend, blob);
      expect(Buffer.compare(await file.read(MIB, 2 * MIB), content.subarray(MIB, 3 * MIB))).toBe(0);
      await quiet(cache);
      expect(file.threadView()).toMatchObject({ blockSize: 256 * KIB });
      await cache[Symbol.asyncDispose]();
    }
    expect(backend.requests.bytes).toBe(2 * MIB);
  });

  it('does not count a version as complete under another ETag or size', async () => {
    const { backend, blob } = storeWith(bytesOf(1, 2 * CHUNK));
    const directory = temporaryFolder();
    const cache = await openCache(directory);
    await warmAll(cache, backend, blob);
    expect(cache.isComplete(backend, { ...blob, etag: 'other' })).toBe(false);
    expect(cache.isComplete(backend, { ...blob, size: 5 })).toBe(false);
    expect(cache.isComplete(backend, blob)).toBe(true);
  });
});
