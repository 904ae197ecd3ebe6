import { existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  bytesOf,
  cacheFiles,
  CHUNK,
  collect,
  diskUsage,
  flipByte,
  MIB,
  openCache,
  quiet,
  readOnce,
  storeWith,
  temporaryFolder,
  warmAll,
} from './harness.ts';

/** A closed cache that holds one blob completely. */
async function cachedBlob(size = 3 * MIB + 5) {
  const content = bytesOf(1, size);
  const { backend, blob } = storeWith(content);
  const directory = temporaryFolder();
  const cache = await openCache(directory);
  await warmAll(cache, backend, blob);
  await cache[Symbol.asyncDispose]();
  backend.requests.bytes = 0;
  const [data = ''] = cacheFiles(directory, '.data');
  const [metadata = ''] = cacheFiles(directory, '.meta');
  return { content, backend, blob, directory, data, metadata };
}

describe('damage on disk', () => {
  it.each([0, CHUNK - 1, 2 * MIB + 77, 3 * MIB + 4])(
    'a flipped bit at byte %i is counted, dropped and fetched again, and never returned',
    async (at) => {
      const { content, backend, blob, directory, data } = await cachedBlob();
      flipByte(data, at);
      const events = collect('corruption');
      const cache = await openCache(directory);
      expect(Buffer.compare(await readOnce(cache, backend, blob, 0, blob.size), content)).toBe(0);
      await quiet(cache);
      const offset = Math.floor(at / CHUNK) * CHUNK;
      expect(cache.stats()).toMatchObject({ corruptions: 1 });
      expect(backend.requests.bytes).toBe(Math.min(CHUNK, blob.size - offset));
      expect(events).toEqual([{ backend: 'memory', path: blob.path, etag: blob.etag, kind: 'chunk', offset }]);
      expect(cache.isComplete(backend, blob)).toBe(true);
      expect(Buffer.compare(readFileSync(data), content)).toBe(0);
    },
  );

  it('is found by a warm-up, which repairs it', async () => {
    const { content, backend, blob, directory, data } = await cachedBlob();
    flipByte(data, MIB);
    const cache = await openCache(directory);
    expect(await cache.warm(backend, [blob])).toMatchObject({ complete: 1, fetchedBytes: CHUNK });
    await cache[Symbol.asyncDispose]();
    expect(Buffer.compare(readFileSync(data), content)).toBe(0);
  });

  it('is found before a file goes to the kernel', async () => {
    const { backend, blob, directory, data } = await cachedBlob();
    flipByte(data, MIB);
    const cache = await openCache(directory);
    await using file = await cache.openFile(backend, blob);
    expect(await file.passthroughFd()).toBeUndefined();
    expect(cache.stats().corruptions).toBe(1);
  });

  it('a truncated data file gives up the whole file at start', async () => {
    const { content, backend, blob, directory, data } = await cachedBlob();
    truncateSync(data, MIB);
    const events = collect('corruption');
    const cache = await openCache(directory);
    expect(events).toMatchObject([{ kind: 'truncated' }]);
    expect(existsSync(data)).toBe(false);
    expect(cache.isComplete(backend, blob)).toBe(false);
    expect(Buffer.compare(await readOnce(cache, backend, blob, 0, blob.size), content)).toBe(0);
  });

  it('a data file truncated or removed under a running cache costs a fetch, never a wrong byte', async () => {
    const { content, backend, blob, directory, data } = await cachedBlob();
    const cache = await openCache(directory);
    await using file = await cache.openFile(backend, blob);
    expect(Buffer.compare(await file.read(0, blob.size), content)).toBe(0);
    truncateSync(data, MIB + 10);
    expect(Buffer.compare(await file.read(0, blob.size), content)).toBe(0);
    expect(cache.stats().corruptions).toBeGreaterThan(0);
    await quiet(cache);
    expect(Buffer.compare(await file.read(0, blob.size), content)).toBe(0);
    expect(Buffer.compare(readFileSync(data), content)).toBe(0);
  });

  it('cache files removed by hand are made anew', async () => {
    const { content, backend, blob, directory, data, metadata } = await cachedBlob();
    const cache = await openCache(directory);
    rmSync(data);
    rmSync(metadata);
    expect(Buffer.compare(await readOnce(cache, backend, blob, 0, blob.size), content)).toBe(0);
    await quiet(cache);
    expect(Buffer.compare(await readOnce(cache, backend, blob, 0, blob.size), content)).toBe(0);
    await quiet(cache);
    expect(cache.isComplete(backend, blob)).toBe(true);
    expect(cache.stats().sizeBytes).toBe(diskUsage(directory));
    expect(cacheFiles(directory, '.data')).toEqual([data]);
  });

  it('a bad record makes its block absent and no other', async () => {
    const { content, backend, blob, directory, metadata } = await cachedBlob();
    flipByte(metadata, readFileSync(metadata).length - 1);
    const events = collect('corruption');
    const cache = await openCache(directory);
    expect(events).toMatchObject([{ kind: 'record', offset: 3 * MIB }]);
    expect(cache.isComplete(backend, blob)).toBe(false);
    expect(Buffer.compare(await readOnce(cache, backend, blob, 0, blob.size), content)).toBe(0);
    expect(backend.requests.bytes).toBe(5);
  });

  it('things that are not cache files are left alone', async () => {
    const { content, backend, blob, directory, data } = await cachedBlob(MIB);
    const folder = join(directory, 'files');
    const id = basename(data, '.data');
    const foreign = ['note.txt', `${id}.bak`, 'x.meta', 'y.data', `zz/${id}.meta`, `${id.slice(0, 2)}/${id.slice(0, 2)}.data`];
    mkdirSync(join(folder, 'zz'));
    mkdirSync(join(folder, 'zz', `${'0'.repeat(64)}.meta`));
    for (const name of foreign) writeFileSync(join(folder, name), 'mine');
    const cache = await openCache(directory);
    expect(cache.stats()).toMatchObject({ files: 1, completeFiles: 1, degradations: 0 });
    for (const name of foreign) expect(readFileSync(join(folder, name), 'utf8')).toBe('mine');
    expect(Buffer.compare(await readOnce(cache, backend, blob, 0, MIB), content)).toBe(0);
  });

  it('metadata that can’t be read costs its file, not the start', async () => {
    const { content, backend, blob, directory, metadata } = await cachedBlob(MIB);
    rmSync(metadata);
    mkdirSync(metadata);
    const events = collect('degraded');
    const cache = await openCache(directory);
    expect(events).toMatchObject([{ operation: 'read', error: { code: 'EISDIR' } }]);
    expect(cache.stats().files).toBe(0);
    expect(Buffer.compare(await readOnce(cache, backend, blob, 0, MIB), content)).toBe(0);
  });

  it('a bad header, a header in another’s place and lone files are deleted at start', async () => {
    for (const damage of ['header', 'name', 'data only', 'metadata only', 'version'] as const) {
      const { content, backend, blob, directory, data, metadata } = await cachedBlob(MIB);
      if (damage === 'header') flipByte(metadata, 70);
      if (damage === 'version') flipByte(metadata, 12);
      if (damage === 'data only') rmSync(metadata);
      if (damage === 'metadata only') rmSync(data);
      if (damage === 'name') {
        const rename = (path: string): string => path.replace(/[0-9a-f]{4}\./, (end) => (end === '0000.' ? '1111.' : '0000.'));
        writeFileSync(rename(data), readFileSync(data));
        writeFileSync(rename(metadata), readFileSync(metadata));
        rmSync(data);
        rmSync(metadata);
      }
      const cache = await openCache(directory);
      expect([...cacheFiles(directory, '.data'), ...cacheFiles(directory, '.meta')], damage).toEqual([]);
      expect(cache.stats()).toMatchObject({ files: 0, sizeBytes: 0 });
      expect(Buffer.compare(await readOnce(cache, backend, blob, 0, blob.size), content)).toBe(0);
    }
  });
});
