import { createHash } from 'node:crypto';
import { MemoryBackend, FaultyBackend } from '@warpforge/blob-backend/testing';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { PassthroughOpenEvent } from '../src/index.ts';
import { eventually } from './fixtures/eventually.ts';
import { describeMounted, describeMountedAsRoot } from './fixtures/availability.ts';
import { BlobMounted } from './fixtures/blob-mounted.ts';
import { Client } from './fixtures/client.ts';
import { Recording } from './fixtures/recording.ts';
import { treeOf } from './fixtures/tree-model.ts';

/** Three blocks of 4 MiB and a bit, so that reads cross chunks and blocks. */
const LARGE = 3 * 4 * 1024 * 1024 + 12_345;

/** Bytes that differ at every place and between seeds. */
function pattern(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(Math.ceil(length / 4) * 4);
  for (let at = 0; at < bytes.length; at += 4) bytes.writeUInt32LE((Math.imul(at + seed, 2654435761) ^ (seed << 7)) >>> 0, at);
  return bytes.subarray(0, length);
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Reads a file to the end, so that all of it is in the cache, and waits until it is written there. */
async function bringIn(mounted: BlobMounted, path: string): Promise<void> {
  const { openFiles } = mounted.session.stats();
  await mounted.client.call('sha256', `${mounted.path}/${path}`, 1 << 20);
  await eventually(() => mounted.cache.stats().completeFiles).toBeGreaterThan(0);
  // The kernel says later that a file was closed, and until then an inode keeps the mode of its first open.
  await eventually(() => mounted.session.stats().openFiles).toBe(openFiles);
}

describeMounted('blobs as files', () => {
  it('show the tree that their names describe, whatever the names', async () => {
    const backend = new MemoryBackend();
    await using mounted = await BlobMounted.start({ backend, staleTtlMs: 0 });
    const part = fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom('a', 'b', 'a-', 'a.b', 'ab') },
      fc.constantFrom('.', '..', '', '...', 'ä', 'a\u0308', '漢字', '😀', 'a b', '%2F', '\\', '*?', '\n', '-', '.hidden', 'A', '~', 'a:b'),
      fc.constantFrom('x'.repeat(255), 'x'.repeat(256), 'ö'.repeat(127), 'ö'.repeat(128)),
    );
    const name = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));
    const blobs = fc.dictionary(
      name.filter((text) => text !== ''),
      fc.uint8Array({ maxLength: 20 }),
      { noNullPrototype: true },
    );
    let stored: string[] = [];
    await fc.assert(
      fc.asyncProperty(blobs, async (entries) => {
        for (const path of stored) backend.delete(path);
        stored = Object.keys(entries);
        for (const [path, content] of Object.entries(entries)) backend.put(path, content);
        const { tree } = treeOf(new Map(Object.entries(entries)));
        const found = (await mounted.client.call('walk', mounted.path)) as Map<string, Buffer | undefined>;
        expect([...found.keys()].sort()).toEqual([...tree.keys()].sort());
        for (const [path, content] of tree) {
          expect(found.get(path)).toEqual(content === undefined ? undefined : Buffer.from(content));
        }
      }),
      { numRuns: 60 },
    );
  });

  it('hide exactly those that no path leads to', async () => {
    const backend = new MemoryBackend();
    const blobs = new Map(
      ['a//b', 'a/./c', '../d', 'e/', 'e/f', `long/${'x'.repeat(256)}`, 'both', 'both/inner', 'fine', '/lead'].map((path) => [
        path,
        Buffer.from('x'),
      ]),
    );
    for (const [path, content] of blobs) backend.put(path, content);
    await using mounted = await BlobMounted.start({ backend });
    const found = (await mounted.client.call('walk', mounted.path)) as Map<string, unknown>;
    const { tree } = treeOf(blobs);
    expect([...found.keys()].sort()).toEqual([...tree.keys()].sort());
    const hidden = ['memory:../', 'memory:/', 'memory:a/./', 'memory:a//', 'memory:both', 'memory:e/', `memory:long/${'x'.repeat(256)}`];
    expect([...mounted.fileSystem.hiddenNames].sort()).toEqual(hidden.sort());
  });

  it('give the bytes of the blob, whole and in random pieces, cold and warm, through the daemon and through the kernel', async () => {
    const content = pattern(LARGE, 1);
    const backend = new MemoryBackend();
    backend.put('large.bin', content);
    for (const passthrough of ['off', 'auto'] as const) {
      await using mounted = await BlobMounted.start({ backend, mount: { passthrough } });
      const path = `${mounted.path}/large.bin`;
      for (let round = 0; round < 2; round++) {
        const fd = await mounted.client.open(path);
        for (let piece = 0; piece < 60; piece++) {
          const offset = Math.floor(((piece * 0.618_034 + round * 0.1) % 1) * LARGE);
          const length = 1 + ((piece * 7919 * 131) % 400_000);
          expect((await mounted.client.pread(fd, offset, length)).equals(content.subarray(offset, offset + length))).toBe(true);
        }
        await mounted.client.close(fd);
        expect(await mounted.client.call('sha256', path, 300_000)).toBe(sha256(content));
        await eventually(() => mounted.cache.stats().completeFiles).toBe(1);
      }
      expect(await mounted.client.stat(path)).toMatchObject({ size: LARGE });
    }
  });

  it('open one file among a million with at most three requests', async () => {
    const backend = new MemoryBackend();
    const content = Buffer.from('one of many');
    for (let index = 0; index < 1_000_000; index++) backend.put(`train/${String(index).padStart(8, '0')}.jpg`, content);
    await using mounted = await BlobMounted.start({ backend });
    const fd = await mounted.client.open(`${mounted.path}/train/00777777.jpg`);
    expect(backend.requests.list + backend.requests.stat).toBeLessThanOrEqual(3);
    expect(await mounted.client.pread(fd, 0, 100)).toEqual(content);
    await mounted.client.close(fd);
  });

  it('are read right by several processes at once', async () => {
    const backend = new MemoryBackend();
    const contents = Array.from({ length: 8 }, (_, index) => pattern(1_500_000 + index, index));
    for (const [index, content] of contents.entries()) backend.put(`d/${index}`, content);
    await using mounted = await BlobMounted.start({ backend });
    await using resources = new AsyncDisposableStack();
    const clients = Array.from({ length: 4 }, () => resources.use(new Client()));
    await Promise.all(
      clients.map(async (client, first) => {
        for (let turn = 0; turn < 16; turn++) {
          const index = (first * 3 + turn) % contents.length;
          expect(await client.call('sha256', `${mounted.path}/d/${index}`, 65_536 << (turn % 5))).toBe(sha256(contents[index]!));
        }
      }),
    );
    // Each byte was fetched once, whoever wanted it.
    expect(backend.requests.bytes).toBe(contents.reduce((sum, { length }) => sum + length, 0));
  });

  it('are listed anew once the listing is old, through all caches of the kernel', async () => {
    const backend = new MemoryBackend();
    backend.put('d/first', 'x');
    await using mounted = await BlobMounted.start({ backend, staleTtlMs: 300 });
    expect(await mounted.client.readdir(`${mounted.path}/d`)).toEqual(['first']);
    const before = backend.requests.list;
    expect(await mounted.client.readdir(`${mounted.path}/d`)).toEqual(['first']);
    backend.put('d/second', 'x');
    backend.delete('d/first');
    await eventually(() => mounted.client.readdir(`${mounted.path}/d`)).toEqual(['second']);
    await eventually(() => mounted.client.errorOf('statSync', `${mounted.path}/d/first`)).toBe('ENOENT');
    expect(backend.requests.list).toBeGreaterThan(before);
  });

  it('are listed from what the kernel keeps while the listing is young', async () => {
    const backend = new MemoryBackend();
    for (let index = 0; index < 10_000; index++) backend.put(`d/${index}`, 'x');
    await using mounted = await BlobMounted.start({ backend });
    const names = await mounted.client.readdir(`${mounted.path}/d`);
    expect(names).toEqual(Array.from({ length: 10_000 }, (_, index) => String(index)).sort());
    const requests = { ...backend.requests };
    const { readdir = 0, readdirplus = 0 } = mounted.session.stats().operations;
    expect(await mounted.client.readdir(`${mounted.path}/d`)).toEqual(names);
    expect(backend.requests).toEqual(requests);
    expect(mounted.session.stats().operations['readdir'] ?? 0).toBe(readdir);
    expect(mounted.session.stats().operations['readdirplus'] ?? 0).toBe(readdirplus);
  });

  it('tell the reader what is wrong with the store by the right error', async () => {
    const memory = new MemoryBackend();
    memory.put('d/file', 'x');
    const backend = new FaultyBackend(memory);
    const table = { BLOB_ACCESS_DENIED: 'EACCES', BLOB_UNREACHABLE: 'EIO', BLOB_THROTTLED: 'EIO' } as const;
    await using mounted = await BlobMounted.start({ backend, staleTtlMs: 0, staleIfErrorMs: 0 });
    for (const [code, errno] of Object.entries(table) as [keyof typeof table, string][]) {
      backend.fail(code, { times: Infinity });
      expect([code, await mounted.client.errorOf('statSync', `${mounted.path}/d`)]).toEqual([code, errno]);
      expect([code, await mounted.client.errorOf('readdirSync', mounted.path)]).toEqual([code, errno]);
      backend.heal();
      const fd = await mounted.client.open(`${mounted.path}/d/file`);
      backend.fail(code, { times: Infinity, operation: 'read' });
      expect([code, await mounted.client.errorOf('pread', fd, 0, 1)]).toEqual([code, errno]);
      backend.heal();
      await mounted.client.close(fd);
      expect(await mounted.client.readFile(`${mounted.path}/d/file`)).toEqual(Buffer.from('x'));
      memory.put('d/file', 'x');
    }
    // A missing container must not look like an empty one.
    backend.fail('BLOB_CONTAINER_NOT_FOUND', { times: Infinity });
    expect(await mounted.client.errorOf('statSync', `${mounted.path}/d`)).toBe('ENOENT');
    expect(await mounted.client.errorOf('readdirSync', mounted.path)).toBe('EIO');
    backend.heal();
    expect(await mounted.client.errorOf('writeFileSync', `${mounted.path}/d/new`, 'x')).toBe('EROFS');
    expect(await mounted.client.errorOf('openSync', `${mounted.path}/.warpdrive`)).toBe('ENOENT');
  });
});

describeMounted('a blob that is overwritten', () => {
  it('is seen in its new version by the next open, without an error', async () => {
    const backend = new MemoryBackend();
    await using mounted = await BlobMounted.start({ backend, staleTtlMs: 0 });
    const inodes = new Set<number>();
    for (let version = 0; version < 5; version++) {
      const content = pattern(300_000 + version, version);
      backend.put('file.bin', content);
      expect(await mounted.client.readFile(`${mounted.path}/file.bin`)).toEqual(content);
      inodes.add((await mounted.client.stat(`${mounted.path}/file.bin`)).ino);
    }
    expect(inodes.size).toBe(5);
  });

  it('is never mixed: an open handle reads its version or fails with ESTALE', async () => {
    const backend = new MemoryBackend();
    const [old, current] = [pattern(LARGE, 1), pattern(LARGE, 2)];
    backend.put('file.bin', old);
    await using mounted = await BlobMounted.start({ backend, staleTtlMs: 0, mount: { readAheadBytes: 128 * 1024 } });
    const fd = await mounted.client.open(`${mounted.path}/file.bin`);
    expect((await mounted.client.pread(fd, 0, 1000)).equals(old.subarray(0, 1000))).toBe(true);
    backend.put('file.bin', current);
    const second = await mounted.client.open(`${mounted.path}/file.bin`);
    for (let offset = 0; offset < LARGE; offset += 500_000) {
      expect((await mounted.client.pread(second, offset, 1000)).equals(current.subarray(offset, offset + 1000))).toBe(true);
      const outcome = await mounted.client.pread(fd, offset, 1000).catch((error: unknown) => (error as { code: string }).code);
      if (typeof outcome === 'string') expect(outcome).toBe('ESTALE');
      else expect(outcome.equals(old.subarray(offset, offset + 1000))).toBe(true);
    }
    expect(await mounted.client.errorOf('pread', fd, LARGE - 1000, 1000)).toBe('ESTALE');
  });

  it('is opened anew although the kernel still takes the old name for right', async () => {
    const backend = new MemoryBackend();
    const [old, current] = [pattern(LARGE, 3), pattern(LARGE, 4)];
    backend.put('file.bin', old);
    await using mounted = await BlobMounted.start({ backend, mount: { readAheadBytes: 128 * 1024 } });
    const fd = await mounted.client.open(`${mounted.path}/file.bin`);
    backend.put('file.bin', current);
    // The reader finds out that its version is gone. From then on the name is asked for, long before its time is over.
    expect(await mounted.client.errorOf('pread', fd, LARGE - 5000, 1000)).toBe('ESTALE');
    expect(await mounted.client.call('sha256', `${mounted.path}/file.bin`, 1 << 20)).toBe(sha256(current));
  });
});

describeMountedAsRoot('a complete file', () => {
  it('is read by the kernel from the cache, without the daemon', async () => {
    using opens = new Recording<PassthroughOpenEvent>('warpforge:fuse-fs:passthrough-open');
    const backend = new MemoryBackend();
    const content = pattern(LARGE, 5);
    backend.put('file.bin', content);
    await using mounted = await BlobMounted.start({ backend });
    expect(mounted.session.passthrough).toBe(true);
    await bringIn(mounted, 'file.bin');
    const before = mounted.session.stats();
    expect(await mounted.client.call('sha256', `${mounted.path}/file.bin`, 1 << 20)).toBe(sha256(content));
    const after = mounted.session.stats();
    expect([after.operations['read'], after.threadReads]).toEqual([before.operations['read'], before.threadReads]);
    expect(after.passthroughOpens).toBe(1);
    expect(opens.events).toEqual([{ bytes: LARGE }]);
  });

  it('may be opened many times, before and after it became complete', async () => {
    const backend = new MemoryBackend();
    const content = pattern(LARGE, 6);
    backend.put('file.bin', content);
    await using mounted = await BlobMounted.start({ backend });
    const { client } = mounted;
    const path = `${mounted.path}/file.bin`;
    const early = await client.open(path);
    await bringIn(mounted, 'file.bin');
    const handles = [early, await client.open(path), await client.open(path)];
    expect(mounted.session.stats().passthroughOpens).toBe(0);
    const check = async (): Promise<void> => {
      for (const fd of handles) expect((await client.pread(fd, 5_000_000, 9000)).equals(content.subarray(5_000_000, 5_009_000))).toBe(true);
    };
    await check();
    for (const fd of handles.splice(0)) await client.close(fd);
    await eventually(() => mounted.session.stats().openFiles).toBe(0);
    for (let handle = 0; handle < 4; handle++) handles.push(await client.open(path));
    expect(mounted.session.stats().passthroughOpens).toBe(4);
    await check();
    await client.close(handles.shift()!);
    handles.push(await client.open(path));
    await check();
  });

  it('stays readable for those who have it open when the daemon unmounts', async () => {
    const backend = new MemoryBackend();
    const content = pattern(LARGE, 7);
    backend.put('file.bin', content);
    using faults = new Recording('warpforge:fuse-fs:fault');
    await using mounted = await BlobMounted.start({ backend });
    await bringIn(mounted, 'file.bin');
    const fd = await mounted.client.open(`${mounted.path}/file.bin`);
    await mounted.session.unmount();
    expect(faults.events).toEqual([]);
    await mounted.session.closed;
    expect((await mounted.client.pread(fd, 4_000_000, 9000)).equals(content.subarray(4_000_000, 4_009_000))).toBe(true);
  });
});

describeMounted('a file in the cache that the kernel does not get', () => {
  it('is served by the reader threads, without the main thread', async () => {
    const backend = new MemoryBackend();
    const content = pattern(LARGE, 8);
    backend.put('file.bin', content);
    await using mounted = await BlobMounted.start({ backend, passthrough: false });
    await bringIn(mounted, 'file.bin');
    // The pages are in the kernel too, for this inode; direct reads ask all the same.
    const before = mounted.session.stats();
    const fd = (await mounted.client.call('openSync', `${mounted.path}/file.bin`, 0o40000)) as number;
    for (let offset = 0; offset < LARGE; offset += 1 << 20) {
      const length = Math.min(1 << 20, LARGE - offset);
      expect((await mounted.client.pread(fd, offset, length)).equals(content.subarray(offset, offset + length))).toBe(true);
    }
    const after = mounted.session.stats();
    expect(after.threadReadBytes - before.threadReadBytes).toBeGreaterThan(LARGE / 2);
    expect(after.passthroughOpens).toBe(0);
  });
});
