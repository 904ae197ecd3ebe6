import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { Geometry } from '../src/geometry.ts';
import { readVerified, type ThreadView } from '../src/index.ts';
import { loadLibc, type Libc } from '../src/libc.ts';
import { decodeMetadata, type VersionHeader } from '../src/metadata-file.ts';
import { OpenFiles } from '../src/open-files.ts';
import { StoredVersion } from '../src/stored-version.ts';
import { bytesOf, CHUNK, temporaryFolder } from './harness.ts';

const native = loadLibc();
if (native.libc === undefined) throw new Error('these tests punch holes', { cause: native.reason });
const libc = native.libc;

/** One version of four chunks in two blocks, all on disk. `beforePunch` runs when a hole is about to be punched. */
async function filled(beforePunch: () => void = () => undefined) {
  const folder = temporaryFolder();
  const paths = { data: join(folder, 'v.data'), metadata: join(folder, 'v.meta') };
  const content = bytesOf(1, 4 * CHUNK);
  const header: VersionHeader = {
    backend: 'b',
    path: 'p',
    etag: 'e',
    size: content.length,
    lastModifiedMs: 0,
    blockSize: 2 * CHUNK,
    passed: false,
  };
  const files = new OpenFiles(0);
  const watched: Libc = {
    tryLock: libc.tryLock.bind(libc),
    punchHole: (fd, offset, length) => {
      beforePunch();
      return libc.punchHole(fd, offset, length);
    },
  };
  const geometry = new Geometry(header.size, header.blockSize);
  const stored = new StoredVersion(header, geometry, paths, { files, libc: watched, onAllocated: () => undefined }, 0, undefined);
  const write = (first: number, end: number): Promise<boolean> => {
    const chunks = Array.from({ length: end - first }, (_, index) =>
      content.subarray((first + index) * CHUNK, (first + index + 1) * CHUNK),
    );
    return stored.write(
      first,
      Buffer.concat(chunks),
      chunks.map((chunk) => crc32(chunk)),
    );
  };
  await write(0, 4);
  const recorded = (): number[] => {
    const chunks: number[] = [];
    decodeMetadata(readFileSync(paths.metadata), (chunk) => chunks.push(chunk));
    return chunks;
  };
  const data = (): Buffer => readFileSync(paths.data);
  return { stored, content, paths, write, recorded, data };
}

describe('the two files of a version', () => {
  it('a record names only bytes that are written', async () => {
    const { stored, content, recorded, data } = await filled();
    expect(recorded()).toEqual([0, 1, 2, 3]);
    expect(Buffer.compare(data(), content)).toBe(0);
    expect(stored.map.complete).toBe(true);
  });

  it('eviction clears the record before it frees the bytes', async () => {
    let atPunch: number[] | undefined;
    const version = await filled(() => (atPunch = version.recorded()));
    await version.stored.evictBlock(0);
    expect(atPunch).toEqual([2, 3]);
    expect(
      version
        .data()
        .subarray(0, 2 * CHUNK)
        .every((byte) => byte === 0),
    ).toBe(true);
    expect(Buffer.compare(version.data().subarray(2 * CHUNK), version.content.subarray(2 * CHUNK))).toBe(0);
  });

  it('a read under way when its block is evicted is told so, whatever bytes it got', async () => {
    const { stored } = await filled();
    const target = Buffer.alloc(10);
    const reading = stored.read(target, CHUNK);
    const evicting = stored.evictBlock(0);
    expect(await reading).toBe('raced');
    await evicting;
    expect(await stored.read(target, 2 * CHUNK)).toBe('read');
  });

  it('a thread’s read during which the block is evicted is not served', async () => {
    const { stored } = await filled();
    const { chunksPerBlock, wordsPerBlock, blockSize, size } = stored.geometry;
    const fd = stored.file.pin();
    let evicting: Promise<number> | undefined;
    const view: ThreadView = {
      size,
      blockSize,
      chunksPerBlock,
      wordsPerBlock,
      state: stored.map.state,
      cursor: new Int32Array(new SharedArrayBuffer(8)).fill(-1).buffer,
      counters: new SharedArrayBuffer(1024),
      // The descriptor is looked at after the bits and before the bytes: the moment of the race.
      get fd() {
        evicting ??= stored.evictBlock(0);
        return fd;
      },
    };
    expect(readVerified(view, 0, 10, Buffer.alloc(10))).toBe(-1);
    await evicting;
    expect(readVerified(view, 2 * CHUNK, 10, Buffer.alloc(10))).toBe(10);
    stored.file.unpin();
  });

  it('a write to a block that is being evicted waits for the hole', async () => {
    const { stored, content, write, recorded, data } = await filled();
    const evicting = stored.evictBlock(0);
    const writing = write(0, 2);
    await evicting;
    expect(await writing).toBe(true);
    expect(recorded()).toEqual([0, 1, 2, 3]);
    expect(Buffer.compare(data(), content)).toBe(0);
  });

  it('a block that is being written is not evicted', async () => {
    const { stored, write } = await filled();
    const writing = write(0, 2);
    expect(stored.canEvictBlock(0)).toBe(false);
    expect(stored.canEvictBlock(1)).toBe(true);
    await writing;
    expect(stored.canEvictBlock(0)).toBe(true);
  });

  it('once passed, nothing in the data file changes any more', async () => {
    const { stored, content, write, data } = await filled();
    await stored.markPassed();
    await stored.markPassed();
    expect(stored.canEvictBlock(0)).toBe(false);
    expect(await stored.evictBlock(0)).toBe(0);
    stored.map.clearChunk(0);
    expect(await write(0, 1)).toBe(false);
    expect(Buffer.compare(data(), content)).toBe(0);
  });

  it('a chunk whose record can’t be written is absent', async () => {
    const { stored, paths, write } = await filled();
    await stored.evictBlock(0);
    rmSync(paths.metadata);
    mkdirSync(paths.metadata);
    await expect(write(0, 2)).rejects.toMatchObject({ code: 'EISDIR' });
    expect(stored.map.isPresent(0)).toBe(false);
    expect(stored.map.isPresent(2)).toBe(true);
  });

  it('removal leaves open descriptors readable and every chunk absent', async () => {
    const { stored, content } = await filled();
    const fd = stored.file.pin();
    await stored.remove();
    expect(stored.map.presentChunks).toBe(0);
    expect(Buffer.compare(readFileSync(`/proc/self/fd/${fd}`), content)).toBe(0);
    stored.file.unpin();
    expect(await stored.write(0, content.subarray(0, CHUNK), [0])).toBe(false);
  });
});
