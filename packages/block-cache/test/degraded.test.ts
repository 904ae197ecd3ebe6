import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BlockCache } from '../src/index.ts';
import { Clock } from './clock.ts';
import {
  bytesOf,
  cacheFiles,
  CHUNK,
  collect,
  KIB,
  MIB,
  openCache,
  quiet,
  readOnce,
  storeWith,
  temporaryFolder,
  until,
  warmAll,
} from './harness.ts';

function run(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

/** A file system of its own, of `size` bytes; gone after the test. */
function smallFileSystem(size: number): string {
  const path = temporaryFolder();
  if (!run('mount', '-t', 'tmpfs', '-o', `size=${size}`, 'block-cache-test', path)) throw new Error('mount failed');
  onTestFinished(() => {
    run('umount', '-l', path);
  });
  return path;
}

/** Whether this process may mount: as root, with the capability for it. */
const canMount = ((): boolean => {
  if (process.getuid?.() !== 0) return false;
  const path = '/tmp/block-cache-mount-probe';
  mkdirSync(path, { recursive: true });
  const mounted = run('mount', '-t', 'tmpfs', 'block-cache-probe', path);
  if (mounted) run('umount', path);
  rmSync(path, { recursive: true, force: true });
  return mounted;
})();

describe.skipIf(!canMount)('on a disk that fails (needs the right to mount)', () => {
  it('a full disk costs a warning, not a read; when there is room again, data is kept again', async () => {
    const events = collect('degraded');
    const directory = smallFileSystem(3 * MIB);
    const clock = new Clock();
    const content = bytesOf(1, 8 * MIB);
    const { backend, blob } = storeWith(content);
    const cache = await openCache(directory, { now: clock.now, readaheadBlocks: 0 });
    expect(Buffer.compare(await readOnce(cache, backend, blob, 0, blob.size), content)).toBe(0);
    await quiet(cache);
    expect(cache.stats()).toMatchObject({ writable: false, completeFiles: 0 });
    expect(cache.stats().degradations).toBeGreaterThan(0);
    expect(events).toContainEqual(
      expect.objectContaining({ operation: 'write', directory, error: expect.objectContaining({ code: 'ENOSPC' }) as unknown }),
    );
    expect(Buffer.compare(await readOnce(cache, backend, blob, 0, blob.size), content)).toBe(0);
    run('mount', '-o', `remount,size=${32 * MIB}`, directory);
    clock.advance(6);
    expect(Buffer.compare(await readOnce(cache, backend, blob, 0, blob.size), content)).toBe(0);
    await quiet(cache);
    await until(() => cache.isComplete(backend, blob));
    const bytes = backend.requests.bytes;
    expect(Buffer.compare(await readOnce(cache, backend, blob, 0, blob.size), content)).toBe(0);
    expect(backend.requests.bytes).toBe(bytes);
  });

  it('a warm-up that the disk can’t take says which files are missing, and does not fetch them over and over', async () => {
    const directory = smallFileSystem(3 * MIB);
    const { backend, blob } = storeWith(bytesOf(1, 2 * MIB), 'fits');
    const large = backend.put('large', bytesOf(2, 8 * MIB));
    const cache = await openCache(directory, { maxParallelFetch: 2 });
    const report = await cache.warm(backend, [blob, large], { parallelFiles: 1 });
    expect(report).toMatchObject({ files: 2, complete: 1 });
    expect(report.failed.map(({ path }) => path)).toEqual(['large']);
    expect(report.failed[0]?.error).toMatchObject({ code: 'CACHE_INCOMPLETE' });
    expect(backend.requests.bytes).toBeLessThanOrEqual(10 * MIB);
  });

  it('a disk that becomes read-only still gives what it holds', async () => {
    const directory = smallFileSystem(32 * MIB);
    const content = bytesOf(1, 4 * MIB);
    const { backend, blob } = storeWith(content);
    const cache = await openCache(directory, { readaheadBlocks: 0 });
    await readOnce(cache, backend, blob, 0, MIB);
    await quiet(cache);
    run('mount', '-o', 'remount,ro', directory);
    const bytes = backend.requests.bytes;
    expect(Buffer.compare(await readOnce(cache, backend, blob, 0, MIB), content.subarray(0, MIB))).toBe(0);
    expect(backend.requests.bytes).toBe(bytes);
    expect(Buffer.compare(await readOnce(cache, backend, blob, 0, blob.size), content)).toBe(0);
    await cache[Symbol.asyncDispose]();
  });

  it('a disk that is full from the start still gives what it holds', async () => {
    const directory = smallFileSystem(8 * MIB);
    const content = bytesOf(1, 2 * MIB);
    const { backend, blob } = storeWith(content);
    const cache = await openCache(directory);
    await warmAll(cache, backend, blob);
    await cache[Symbol.asyncDispose]();
    truncateSync(join(directory, 'lock'));
    expect(() => writeFileSync(join(directory, 'other'), Buffer.alloc(8 * MIB))).toThrow('ENOSPC');
    const again = await openCache(directory);
    const bytes = backend.requests.bytes;
    expect(Buffer.compare(await readOnce(again, backend, blob, 0, blob.size), content)).toBe(0);
    expect(backend.requests.bytes).toBe(bytes);
    await expect(BlockCache.open({ directory, maxSizeBytes: MIB })).rejects.toMatchObject({ code: 'CACHE_LOCKED' });
  });

  it('a read-only directory opens, serves from the network and says so', async () => {
    const events = collect('degraded');
    const directory = smallFileSystem(32 * MIB);
    run('mount', '-o', 'remount,ro', directory);
    const content = bytesOf(1, 2 * MIB);
    const { backend, blob } = storeWith(content);
    const cache = await openCache(directory);
    expect(events).toMatchObject([{ operation: 'open', directory, error: { code: 'EROFS' } }]);
    await using file = await cache.openFile(backend, blob);
    expect(Buffer.compare(await file.read(0, blob.size), content)).toBe(0);
    expect(file.threadView()).toBeUndefined();
    expect(await file.passthroughFd()).toBeUndefined();
    expect(cache.isComplete(backend, blob)).toBe(false);
    expect(cache.stats()).toMatchObject({ writable: false, files: 0, degradations: 1 });
    expect(await cache.warm(backend, [blob])).toMatchObject({
      complete: 0,
      failed: [{ path: blob.path, error: { code: 'CACHE_INCOMPLETE' } }],
    });
  });
});

describe('without the cache disk', () => {
  it('small sequential reads fetch each chunk once', async () => {
    const { backend, blob } = storeWith(bytesOf(1, MIB));
    const cache = await openCache(temporaryFolder(), { maxSizeBytes: 1 });
    await using file = await cache.openFile(backend, blob);
    for (let offset = 0; offset < MIB; offset += 16 * KIB) await file.read(offset, 16 * KIB);
    expect(backend.requests.bytes).toBe(MIB);
    expect(cache.stats().uncachedBytes).toBe(MIB);
  });

  it('a chunk that the disk will not give is fetched', async () => {
    const events = collect('degraded');
    const content = bytesOf(1, MIB);
    const { backend, blob } = storeWith(content);
    const directory = temporaryFolder();
    const cache = await openCache(directory);
    await warmAll(cache, backend, blob);
    await cache[Symbol.asyncDispose]();
    const again = await openCache(directory);
    const [data = ''] = cacheFiles(directory, '.data');
    rmSync(data);
    mkdirSync(data); // Reading it fails with EISDIR, as a broken disk would with EIO.
    expect(Buffer.compare(await readOnce(again, backend, blob, 0, MIB), content)).toBe(0);
    expect(events).toContainEqual(expect.objectContaining({ operation: 'read' }));
    rmSync(data, { recursive: true });
  });

  it('a directory without the right to write opens, and serves from the network', async () => {
    const events = collect('degraded');
    const directory = join(temporaryFolder(), 'not-mine');
    mkdirSync(directory, { mode: 0o500 });
    const { backend, blob } = storeWith(bytesOf(1, CHUNK));
    if (process.geteuid?.() === 0) {
      process.seteuid?.(65_534); // Root may write anywhere.
      onTestFinished(() => process.seteuid?.(0));
    }
    const cache = await openCache(join(directory, 'cache'));
    expect(await readOnce(cache, backend, blob, 0, CHUNK)).toHaveLength(CHUNK);
    expect(events).toMatchObject([{ operation: 'open', error: { code: 'EACCES' } }]);
  });

  it('leaves nothing behind in a directory that it could not use', async () => {
    const path = join(temporaryFolder(), 'file');
    writeFileSync(path, 'mine');
    await expect(openCache(path)).rejects.toMatchObject({ code: 'CACHE_DIRECTORY' });
    expect(readFileSync(path, 'utf8')).toBe('mine');
  });
});
