import { MemoryBackend } from '@warpforge/blob-backend/testing';
import { cpSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { FORMAT_VERSION } from '../src/metadata-file.ts';
import { fixtureBlobs } from './fixtures/format-1.ts';
import { cacheFiles, CHUNK, openCache, temporaryFolder } from './harness.ts';

/** A copy of the cache directory that format 1 wrote, and the store that it was filled from. */
function fixture() {
  const directory = temporaryFolder();
  cpSync(new URL('fixtures/format-1', import.meta.url), directory, { recursive: true });
  const backend = new MemoryBackend({ name: 'datasets-cac' });
  const blobs = fixtureBlobs().map((blob) => ({ ...blob, properties: backend.put(blob.path, blob.content) }));
  return { directory, backend, blobs };
}

describe('the format on disk', () => {
  it('of format 1 is read by this version, byte for byte and without the network', async () => {
    const { directory, backend, blobs } = fixture();
    const cache = await openCache(directory);
    expect(cache.stats()).toMatchObject({ files: 2, completeFiles: 1, corruptions: 0 });
    for (const { properties, content, read } of blobs) {
      await using file = await cache.openFile(backend, properties);
      expect(Buffer.compare(await file.read(read, 100), content.subarray(read, read + 100))).toBe(0);
    }
    expect(backend.requests.read).toBe(0);
  });

  it('is what its document says', () => {
    const { directory, blobs } = fixture();
    const document = readFileSync(new URL('../docs/cache-format.md', import.meta.url), 'utf8');
    const [path = ''] = cacheFiles(directory, '.meta').filter((name) => readFileSync(name).includes('große'));
    const bytes = readFileSync(path);
    const { properties } = blobs[1]!;
    const found = new Map<string, number>();
    for (const [, at, type, field = ''] of document.matchAll(/^\| (\d+) +\| (u32|u64|f64) +\| ([^|]+?) +\|/gm)) {
      const offset = Number(at);
      if (type === 'u32') found.set(field, bytes.readUInt32LE(offset));
      else found.set(field, type === 'u64' ? Number(bytes.readBigUInt64LE(offset)) : bytes.readDoubleLE(offset));
    }
    expect(Object.fromEntries(found)).toEqual({
      'header checksum': expect.any(Number) as unknown,
      'format version': FORMAT_VERSION,
      'header length': 128,
      flags: 0,
      size: properties.size,
      'last modified': Date.UTC(2026, 0, 1),
      'block size': CHUNK,
      'chunk size': CHUNK,
      'length of backend': 'datasets-cac'.length,
      'length of path': Buffer.byteLength(properties.path),
      'length of ETag': properties.etag.length,
    });
    expect(bytes.toString('utf8', 60, 60 + 12 + Buffer.byteLength(properties.path))).toBe(`datasets-cac${properties.path}`);
  });
});
