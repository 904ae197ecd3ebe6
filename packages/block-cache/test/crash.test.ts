import { MemoryBackend } from '@warpforge/blob-backend/testing';
import { describe, expect, it } from 'vitest';
import { startChild } from './children/child.ts';
import { blobContents } from './content.ts';
import { diskUsage, MIB, openCache, quiet, temporaryFolder } from './harness.ts';

describe('kill -9 while the cache is filled', () => {
  it.each([
    [3, 100 * MIB],
    [17, 100 * MIB],
    [60, 100 * MIB],
    [25, 4 * MIB],
    [90, 4 * MIB],
  ])('after %i operations in a cache of %i bytes: no wrong byte, and what was complete still is', async (operations, maxSizeBytes) => {
    const directory = temporaryFolder();
    const child = startChild('fill.ts', directory, String(operations), String(maxSizeBytes));
    const complete = new Set<string>();
    for (let count = 0; count < operations; count++) {
      const line = String((await child.lines.next()).value);
      if (line.startsWith('complete ')) complete.add(line.slice('complete '.length));
    }
    await child.kill();

    const backend = new MemoryBackend();
    const contents = blobContents();
    const blobs = contents.map(({ path, content }) => backend.put(path, content));
    const cache = await openCache(directory, { maxSizeBytes: 100 * MIB });
    expect(cache.stats().sizeBytes).toBe(diskUsage(directory));
    for (const [index, blob] of blobs.entries()) {
      // A small cache may have evicted what was complete before.
      if (complete.has(blob.path) && maxSizeBytes > 10 * MIB) expect(cache.isComplete(backend, blob)).toBe(true);
      await using file = await cache.openFile(backend, blob);
      expect(Buffer.compare(await file.read(0, blob.size), contents[index]!.content)).toBe(0);
    }
    expect(cache.stats().corruptions).toBe(0);
    await quiet(cache);
    for (const blob of blobs) expect(cache.isComplete(backend, blob)).toBe(true);
  });
});
