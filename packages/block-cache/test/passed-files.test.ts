import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync, writeSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readVerified } from '../src/index.ts';
import { Clock } from './clock.ts';
import {
  bytesOf,
  cacheFiles,
  CHUNK,
  flipByte,
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

const SIZE = 3 * MIB + 7;

async function passedBlob() {
  const content = bytesOf(1, SIZE);
  const { backend, blob } = storeWith(content, 'passed');
  const directory = temporaryFolder();
  const clock = new Clock();
  const options = { maxSizeBytes: 8 * MIB, blockSizeBytes: 256 * KIB, now: clock.now };
  const cache = await openCache(directory, options);
  await warmAll(cache, backend, blob);
  const file = await cache.openFile(backend, blob);
  const fd = await file.passthroughFd();
  const [data = ''] = cacheFiles(directory, '.data');
  return { content, backend, blob, directory, clock, options, cache, file, fd: fd!, data };
}

function contentOf(fd: number): Buffer {
  const bytes = Buffer.alloc(SIZE);
  readSync(fd, bytes, 0, SIZE, 0);
  return bytes;
}

describe('files handed to the kernel', () => {
  it('are complete and verified, and one descriptor serves all calls', async () => {
    const { content, file, fd } = await passedBlob();
    expect(Buffer.compare(contentOf(fd), content)).toBe(0);
    expect(await file.passthroughFd()).toBe(fd);
  });

  it('are not given out while a chunk is missing, nor for an empty blob', async () => {
    const { backend, blob } = storeWith(bytesOf(1, SIZE));
    const cache = await openCache(temporaryFolder(), { readaheadBlocks: 0 });
    await using file = await cache.openFile(backend, blob);
    expect(await file.passthroughFd()).toBeUndefined();
    await file.read(0, SIZE - CHUNK);
    await quiet(cache);
    expect(await file.passthroughFd()).toBeUndefined();
    await file.read(SIZE - 1, 1);
    await quiet(cache);
    expect(await file.passthroughFd()).toBeTypeOf('number');
    await using empty = await cache.openFile(backend, backend.put('empty', ''));
    expect(await empty.passthroughFd()).toBeUndefined();
  });

  it('are marked on disk before the descriptor is given out', async () => {
    const { directory } = await passedBlob();
    const [metadata = ''] = cacheFiles(directory, '.meta');
    expect(readFileSync(metadata).readUInt32LE(20)).toBe(1);
  });

  it('are never punched or rewritten, only unlinked, and not while a handle is open: a reader of the inode sees no zeros', async () => {
    const { content, backend, blob, clock, cache, file, data, fd } = await passedBlob();
    const before = statSync(data);
    const kernel = openSync(data, 'r'); // Stands for the kernel's own reference, which outlives ours.
    const fill = async (name: string): Promise<void> => {
      clock.advance(100);
      await readOnce(cache, backend, backend.put(name, bytesOf(5, 4 * MIB)), 0, 4 * MIB);
      await quiet(cache);
    };
    for (const name of ['a', 'b', 'c', 'd']) await fill(name);
    expect(cache.stats().evictions).toBeGreaterThan(0);
    expect(cache.isComplete(backend, blob)).toBe(true);
    expect(statSync(data)).toMatchObject({ ino: before.ino, blocks: before.blocks, mtimeMs: before.mtimeMs, size: before.size });
    expect(Buffer.compare(contentOf(fd), content)).toBe(0);
    await file[Symbol.asyncDispose]();
    for (const name of ['e', 'f', 'g', 'h']) await fill(name);
    expect(cache.isComplete(backend, blob)).toBe(false);
    expect(cacheFiles(cacheDirectoryOf(data), '.data')).not.toContain(data);
    expect(Buffer.compare(contentOf(kernel), content)).toBe(0);
    closeSync(kernel);
  });

  it('stay so after a restart', async () => {
    const { content, backend, blob, directory, clock, options, cache, data } = await passedBlob();
    await cache[Symbol.asyncDispose]();
    const kernel = openSync(data, 'r');
    clock.advance(1000);
    const again = await openCache(directory, options);
    await using reader = await again.openFile(backend, blob);
    expect(Buffer.compare(await reader.read(0, SIZE), content)).toBe(0);
    for (const name of ['a', 'b', 'c']) {
      clock.advance(100);
      await readOnce(again, backend, backend.put(name, bytesOf(5, 4 * MIB)), 0, 4 * MIB);
      await quiet(again);
    }
    expect(again.isComplete(backend, blob)).toBe(true);
    expect(Buffer.compare(contentOf(kernel), content)).toBe(0);
    closeSync(kernel);
  });

  it('are replaced by a new file when a chunk is found damaged: the old inode is not written to', async () => {
    const { content, backend, blob, directory, options, cache, data } = await passedBlob();
    await cache[Symbol.asyncDispose]();
    const fd = openSync(data, 'r+');
    const damaged = Buffer.from(content);
    damaged[MIB] = (damaged[MIB] ?? 0) ^ 255;
    writeSync(fd, damaged, MIB, 1, MIB);
    const again = await openCache(directory, options);
    const file = await again.openFile(backend, blob);
    const view = file.threadView();
    expect(Buffer.compare(await file.read(0, SIZE), content)).toBe(0);
    await quiet(again);
    expect(again.stats().corruptions).toBe(1);
    expect(Buffer.compare(await file.read(0, SIZE), content)).toBe(0);
    await until(() => again.isComplete(backend, blob));
    expect(Buffer.compare(contentOf(fd), damaged)).toBe(0);
    expect(Buffer.compare(readFileSync(data), content)).toBe(0);
    expect(readVerified(view!, 0, 10, new Uint8Array(10))).toBe(-1);
    expect(await file.passthroughFd()).toBeTypeOf('number');
    await file[Symbol.asyncDispose]();
    closeSync(fd);
  });

  it('are replaced as well when their record is damaged', async () => {
    const { content, backend, blob, directory, options, cache, data } = await passedBlob();
    await cache[Symbol.asyncDispose]();
    const kernel = openSync(data, 'r');
    const [metadata = ''] = cacheFiles(directory, '.meta');
    flipByte(metadata, statSync(metadata).size - 1);
    const again = await openCache(directory, options);
    expect(again.isComplete(backend, blob)).toBe(false);
    expect(again.stats()).toMatchObject({ files: 0, corruptions: 1 });
    expect(Buffer.compare(await readOnce(again, backend, blob, 0, SIZE), content)).toBe(0);
    await until(() => again.isComplete(backend, blob));
    expect(statSync(data).ino).not.toBe(fstatSync(kernel).ino);
    expect(Buffer.compare(contentOf(kernel), content)).toBe(0);
    closeSync(kernel);
  });

  it('wait for no more than 64 MiB of verification: a larger file is verified in the background and passes later', async () => {
    const { backend, blob } = storeWith(bytesOf(1, 66 * MIB));
    const directory = temporaryFolder();
    const cache = await openCache(directory);
    await warmAll(cache, backend, blob);
    await using fresh = await cache.openFile(backend, blob);
    expect(await fresh.passthroughFd()).toBeTypeOf('number');
    await cache[Symbol.asyncDispose]();
    const again = await openCache(directory);
    await using file = await again.openFile(backend, blob);
    expect(await file.passthroughFd()).toBeUndefined();
    await until(async () => (await file.passthroughFd()) !== undefined);
  });
});

function cacheDirectoryOf(data: string): string {
  return data.slice(0, data.lastIndexOf('/files/'));
}
