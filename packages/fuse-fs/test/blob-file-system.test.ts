import { BlobError, type BlobErrorCode } from '@warpforge/blob-backend';
import { FaultyBackend, MemoryBackend } from '@warpforge/blob-backend/testing';
import { BlockCache } from '@warpforge/block-cache';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BlobFileSystem, type BlobFileSystemOptions, type Entry, type ReadErrorEvent } from '../src/index.ts';
import { TemporaryFolder } from './fixtures/place.ts';
import { Recording } from './fixtures/recording.ts';

const TTL = 60_000;
const HOUR = 3_600_000;
const ROOT = 1;
const context = { signal: new AbortController().signal };

let folder: TemporaryFolder;
let cache: BlockCache;
let memory: MemoryBackend;
let faulty: FaultyBackend;
let now: number;
let fileSystem: BlobFileSystem;

function create(options: Partial<BlobFileSystemOptions> = {}): BlobFileSystem {
  return new BlobFileSystem({ mounts: [{ path: '/', backend: faulty }], cache, staleTtlMs: TTL, now: () => now, ...options });
}

beforeEach(async () => {
  folder = new TemporaryFolder();
  cache = await BlockCache.open({ directory: folder.path, maxSizeBytes: 2 ** 26 });
  memory = new MemoryBackend();
  faulty = new FaultyBackend(memory);
  now = 1_000_000;
  fileSystem = create();
});

afterEach(async () => {
  await fileSystem[Symbol.asyncDispose]();
  await cache[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
});

/** Looks up a path from the root. */
async function find(path: string): Promise<Entry> {
  let inode = ROOT;
  let found: Entry | undefined;
  for (const name of path.split('/')) {
    const entry = await fileSystem.lookup(inode, name, context);
    if (entry.attributes === undefined) throw new Error(`${path} is missing`);
    inode = entry.attributes.inode;
    found = entry;
  }
  if (found === undefined) throw new Error('no path');
  return found;
}

async function read(inode: number): Promise<string> {
  await using file = await fileSystem.openFile(inode, context);
  return Buffer.from(await file.read(0, 1000, context)).toString();
}

async function list(inode: number): Promise<string[]> {
  await using directory = fileSystem.openDirectory(inode);
  const names: string[] = [];
  for (let entries = await directory.read(0, context); entries.length > 0; entries = await directory.read(names.length, context)) {
    for (const { name, kind } of entries) names.push(kind === 'directory' ? `${name}/` : name);
  }
  return names.sort();
}

/** Requests since the last call. */
function requests(): { list: number; stat: number } {
  const { list: lists, stat } = memory.requests;
  memory.requests.list = 0;
  memory.requests.stat = 0;
  return { list: lists, stat };
}

describe('lookup', () => {
  it('asks for a file with two requests, and for a directory with one', async () => {
    memory.put('train/a.tar', 'x');
    await find('train');
    expect(requests()).toEqual({ list: 1, stat: 0 });
    await find('train/a.tar');
    expect(requests()).toEqual({ list: 1, stat: 1 });
  });

  it('asks again only when the answer has become old, also when it was "no"', async () => {
    memory.put('a.txt', 'x');
    await find('a.txt');
    expect(await fileSystem.lookup(ROOT, 'none', context)).toEqual({ validMs: TTL });
    requests();
    now += TTL - 1;
    expect((await find('a.txt')).validMs).toBe(1);
    expect(await fileSystem.lookup(ROOT, 'none', context)).toEqual({ validMs: 1 });
    expect(requests()).toEqual({ list: 0, stat: 0 });
    now += 1;
    memory.put('none', 'now there');
    expect((await find('none')).validMs).toBe(TTL);
    expect(requests()).toEqual({ list: 1, stat: 1 });
  });

  it('asks once for all who want to know at the same time', async () => {
    memory.put('a.txt', 'x');
    await Promise.all(Array.from({ length: 50 }, () => find('a.txt')));
    expect(requests()).toEqual({ list: 1, stat: 1 });
  });

  it('needs no request for what a fresh listing shows, or does not show', async () => {
    memory.put('a.txt', 'x');
    memory.put('d/b', 'x');
    await list(ROOT);
    requests();
    now += 1000;
    expect((await find('a.txt')).validMs).toBe(TTL - 1000);
    expect((await find('d')).attributes.kind).toBe('directory');
    expect(await fileSystem.lookup(ROOT, 'none', context)).toEqual({ validMs: TTL - 1000 });
    expect(requests()).toEqual({ list: 0, stat: 0 });
  });

  it('takes a directory for one, though a blob has its name', async () => {
    memory.put('a', 'hidden');
    memory.put('a.b', 'hidden too');
    memory.put('a/inner', 'x');
    memory.put('a.b/inner', 'x');
    expect((await find('a')).attributes.kind).toBe('directory');
    expect((await find('a.b')).attributes.kind).toBe('directory');
    expect(await list(ROOT)).toEqual(['a.b/', 'a/']);
    expect([...fileSystem.hiddenNames].sort()).toEqual(['memory:a', 'memory:a.b']);
  });

  it('finds files with credentials that may not list', async () => {
    memory.put('a.txt', 'x');
    memory.put('b', 'x');
    faulty.fail('BLOB_ACCESS_DENIED', { operation: 'list', times: Infinity });
    expect((await find('a.txt')).attributes.size).toBe(1);
    expect((await find('b')).attributes.size).toBe(1);
    await expect(fileSystem.lookup(ROOT, 'none', context)).rejects.toMatchObject({ code: 'EACCES' });
  });

  it('refuses names that are too long, and has none that can not be', async () => {
    await expect(fileSystem.lookup(ROOT, 'x'.repeat(256), context)).rejects.toMatchObject({ code: 'ENAMETOOLONG' });
    await expect(fileSystem.lookup(ROOT, 'ä'.repeat(128), context)).rejects.toMatchObject({ code: 'ENAMETOOLONG' });
    memory.put('x'.repeat(255), 'longest');
    expect((await find('x'.repeat(255))).attributes.size).toBe(7);
    expect(await fileSystem.lookup(ROOT, '.warpdrive', context)).toEqual({ validMs: TTL });
  });

  it('lets a caller stop waiting without stopping the others', async () => {
    memory.put('a.txt', 'x');
    const gate = faulty.hold({ operation: 'stat' });
    const impatient = new AbortController();
    const first = fileSystem.lookup(ROOT, 'a.txt', { signal: impatient.signal });
    const second = find('a.txt');
    await gate.reached();
    impatient.abort(new Error('gone'));
    await expect(first).rejects.toThrow('gone');
    gate.open();
    expect((await second).attributes.size).toBe(1);
  });

  it('ends with the file system', async () => {
    const gate = faulty.hold();
    const waiting = find('a.txt');
    await gate.reached(2);
    await fileSystem[Symbol.asyncDispose]();
    await expect(waiting).rejects.toMatchObject({ code: 'EIO' });
  });
});

describe('inode numbers', () => {
  it('stand for one version, and are the same whenever it is met', async () => {
    memory.put('a.txt', 'one');
    const first = await find('a.txt');
    now += TTL;
    expect((await find('a.txt')).attributes.inode).toBe(first.attributes.inode);
    fileSystem.forget(first.attributes.inode, 2);
    expect(() => fileSystem.attributes(first.attributes.inode)).toThrow('ESTALE');
    now += TTL;
    expect((await find('a.txt')).attributes.inode).toBe(first.attributes.inode);
    memory.put('a.txt', 'two');
    now += TTL;
    const second = await find('a.txt');
    expect(second.attributes.inode).not.toBe(first.attributes.inode);
    expect((await create().lookup(ROOT, 'a.txt', context)).attributes?.inode).toBe(second.attributes.inode);
  });

  it('are dropped when the last reference is given back', async () => {
    memory.put('d/a.txt', 'one');
    const directory = await find('d');
    await find('d/a.txt');
    await using opened = fileSystem.openDirectory(directory.attributes.inode);
    const [entry] = await opened.read(0, context);
    expect(entry?.inode).toBe(entry?.entry().attributes.inode);
    expect(fileSystem.inodes).toBe(3);
    fileSystem.forget(entry!.inode, 1);
    expect(fileSystem.inodes).toBe(3);
    fileSystem.forget(entry!.inode, 1);
    fileSystem.forget(directory.attributes.inode, 2);
    expect(fileSystem.inodes).toBe(1);
    fileSystem.forget(ROOT, 1);
    expect(fileSystem.inodes).toBe(1);
  });

  it('show size, time, owner and mode', async () => {
    await fileSystem[Symbol.asyncDispose]();
    fileSystem = create({ uid: 12, gid: 34, umask: 0o027 });
    memory.put('d/a.txt', '12345');
    expect((await find('d/a.txt')).attributes).toMatchObject({ kind: 'file', size: 5, uid: 12, gid: 34, permissions: 0o440 });
    expect((await find('d')).attributes).toMatchObject({ kind: 'directory', size: 0, uid: 12, gid: 34, permissions: 0o550 });
  });
});

describe('open', () => {
  it('asks about a version that was not asked about for a while, and refuses an old one', async () => {
    memory.put('a.txt', 'one');
    const { inode } = (await find('a.txt')).attributes;
    requests();
    expect(await read(inode)).toBe('one');
    expect(requests()).toEqual({ list: 0, stat: 0 });
    now += TTL;
    expect(await read(inode)).toBe('one');
    expect(requests()).toEqual({ list: 0, stat: 1 });
    memory.put('a.txt', 'two');
    expect(await read(inode)).toBe('one');
    now += TTL;
    await expect(fileSystem.openFile(inode, context)).rejects.toMatchObject({ code: 'ESTALE' });
    expect(await read((await find('a.txt')).attributes.inode)).toBe('two');
  });

  it('fails with ENOENT for a blob that is gone, and finds the directory that took its place', async () => {
    memory.put('a.txt', 'one');
    const { inode } = (await find('a.txt')).attributes;
    memory.delete('a.txt');
    memory.put('a.txt/inner', 'x');
    now += TTL;
    await expect(fileSystem.openFile(inode, context)).rejects.toMatchObject({ code: 'ENOENT' });
    expect((await find('a.txt')).attributes.kind).toBe('directory');
  });

  it('reads one version and fails with ESTALE when that is gone; the next open sees the new one at once', async () => {
    memory.put('a.txt', 'x'.repeat(1000));
    const { inode } = (await find('a.txt')).attributes;
    {
      await using file = await fileSystem.openFile(inode, context);
      memory.put('a.txt', 'y'.repeat(1000));
      await expect(file.read(0, 10, context)).rejects.toMatchObject({ code: 'ESTALE' });
    }
    await expect(fileSystem.openFile(inode, context)).rejects.toMatchObject({ code: 'ESTALE' });
    expect(await read((await find('a.txt')).attributes.inode)).toBe('y'.repeat(1000));
  });

  it('of a directory or a forgotten inode is refused', async () => {
    memory.put('d/a.txt', 'x');
    const directory = await find('d');
    await expect(fileSystem.openFile(directory.attributes.inode, context)).rejects.toMatchObject({ code: 'EISDIR' });
    const file = await find('d/a.txt');
    expect(() => fileSystem.openDirectory(file.attributes.inode)).toThrow('ENOTDIR');
    await expect(fileSystem.openFile(999, context)).rejects.toMatchObject({ code: 'ESTALE' });
  });
});

describe('failures of the store', () => {
  const expected: Record<BlobErrorCode, string> = {
    BLOB_NOT_FOUND: 'ENOENT',
    BLOB_CONTAINER_NOT_FOUND: 'ENOENT',
    BLOB_ACCESS_DENIED: 'EACCES',
    BLOB_CHANGED: 'ESTALE',
    BLOB_RANGE: 'EIO',
    BLOB_UNREACHABLE: 'EIO',
    BLOB_TIMEOUT: 'EIO',
    BLOB_THROTTLED: 'EIO',
    BLOB_SERVICE: 'EIO',
    BLOB_PROTOCOL: 'EIO',
    BLOB_REQUEST: 'EIO',
  };

  for (const [code, errno] of Object.entries(expected)) {
    it(`${code} gives ${errno} to a reader and to a listing, with a report`, async () => {
      using errors = new Recording<ReadErrorEvent>('warpforge:fuse-fs:read-error');
      memory.put('d/a.txt', 'x');
      const { inode } = (await find('d/a.txt')).attributes;
      await using file = await fileSystem.openFile(inode, context);
      faulty.fail(code as BlobErrorCode, { times: Infinity });
      await expect(file.read(0, 1, context)).rejects.toMatchObject({ code: code === 'BLOB_NOT_FOUND' ? 'ESTALE' : errno });
      const ofListing = code === 'BLOB_CONTAINER_NOT_FOUND' ? 'EIO' : errno;
      await expect(list(ROOT)).rejects.toMatchObject({ code: ofListing });
      expect(errors.events.map(({ backend, path }) => `${backend} ${path}`)).toEqual(['memory /d/a.txt', 'memory /']);
      expect(errors.events[1]).toMatchObject({ errno: ofListing, error: { code } });
      expect(errors.events[1]?.error).toBeInstanceOf(BlobError);
    });
  }

  for (const code of ['BLOB_ACCESS_DENIED', 'BLOB_UNREACHABLE', 'BLOB_THROTTLED'] as const) {
    it(`${code} at a lookup is never taken for a missing name`, async () => {
      const errno = expected[code];
      faulty.fail(code, { times: Infinity, operation: 'stat' });
      await expect(fileSystem.lookup(ROOT, 'a.txt', context)).rejects.toMatchObject({ code: errno });
      faulty.heal();
      faulty.fail(code, { times: Infinity, operation: 'list' });
      await expect(fileSystem.lookup(ROOT, 'b', context)).rejects.toMatchObject({ code: errno });
    });
  }

  it('that say nothing about the blob let the last known answer stand in for a day', async () => {
    using errors = new Recording<ReadErrorEvent>('warpforge:fuse-fs:read-error');
    memory.put('a.txt', 'one');
    const { inode } = (await find('a.txt')).attributes;
    now += 23 * HOUR;
    faulty.fail('BLOB_UNREACHABLE', { times: Infinity, operation: 'stat' });
    faulty.fail('BLOB_UNREACHABLE', { times: Infinity, operation: 'list' });
    expect(await read(inode)).toBe('one');
    expect((await find('a.txt')).attributes.inode).toBe(inode);
    expect(errors.events).toMatchObject([{ backend: 'memory', path: '/a.txt', error: { code: 'BLOB_UNREACHABLE' } }]);
    expect(errors.events[0]).not.toHaveProperty('errno');
    now += HOUR;
    await expect(fileSystem.openFile(inode, context)).rejects.toMatchObject({ code: 'EIO' });
  });

  it('let the last known listing stand in too', async () => {
    memory.put('a.txt', 'one');
    memory.put('d/x', 'one');
    await list(ROOT);
    now += TTL;
    faulty.fail('BLOB_TIMEOUT', { times: Infinity, operation: 'list' });
    expect(await list(ROOT)).toEqual(['a.txt', 'd/']);
    now += 25 * HOUR;
    await expect(list(ROOT)).rejects.toMatchObject({ code: 'EIO' });
  });

  it('have nothing stand in for them after 403, or if that is turned off', async () => {
    memory.put('a.txt', 'one');
    const { inode } = (await find('a.txt')).attributes;
    now += TTL;
    faulty.fail('BLOB_ACCESS_DENIED', { times: Infinity });
    await expect(fileSystem.openFile(inode, context)).rejects.toMatchObject({ code: 'EACCES' });
    await fileSystem[Symbol.asyncDispose]();
    faulty.heal();
    fileSystem = create({ staleIfErrorMs: 0 });
    const again = (await find('a.txt')).attributes.inode;
    now += TTL;
    faulty.fail('BLOB_SERVICE', { times: Infinity });
    await expect(fileSystem.openFile(again, context)).rejects.toMatchObject({ code: 'EIO' });
  });
});

describe('listings', () => {
  it('are shared while they are fresh, and asked for anew afterwards', async () => {
    memory.put('a', 'x');
    await using first = fileSystem.openDirectory(ROOT);
    expect([first.cacheable, first.keepCache]).toEqual([true, false]);
    expect(await list(ROOT)).toEqual(['a']);
    expect(requests()).toEqual({ list: 1, stat: 0 });
    memory.put('b', 'x');
    await using second = fileSystem.openDirectory(ROOT);
    expect(second.keepCache).toBe(true);
    expect(await list(ROOT)).toEqual(['a']);
    expect(requests()).toEqual({ list: 0, stat: 0 });
    now += TTL;
    await using third = fileSystem.openDirectory(ROOT);
    expect(third.keepCache).toBe(false);
    expect(await list(ROOT)).toEqual(['a', 'b']);
  });

  it('of a huge directory can be read again from any position', async () => {
    for (let index = 0; index < 210_000; index++) memory.put(`huge/${String(index).padStart(6, '0')}`, '');
    await using directory = fileSystem.openDirectory((await find('huge')).attributes.inode);
    let position = 0;
    for (let entries = await directory.read(0, context); entries.length > 0; entries = await directory.read(position, context)) {
      position += entries.length;
    }
    expect(position).toBe(210_000);
    expect((await directory.read(7, context))[0]?.name).toBe('000007');
    expect((await directory.read(209_999, context)).map(({ name }) => name)).toEqual(['209999']);
    expect((await directory.read(0, context))[0]?.name).toBe('000000');
  });

  it('are not shared after they have failed', async () => {
    memory.put('a', 'x');
    faulty.fail('BLOB_SERVICE', { operation: 'list' });
    await expect(list(ROOT)).rejects.toMatchObject({ code: 'EIO' });
    expect(await list(ROOT)).toEqual(['a']);
  });
});

describe('mount paths', () => {
  it('may be nested, above and below each other', async () => {
    const inner = new MemoryBackend({ name: 'inner' });
    memory.put('top', 'x');
    memory.put('b/c/outer', 'hidden by the inner container');
    memory.put('b/other', 'x');
    inner.put('file', 'inner');
    fileSystem = create({
      mounts: [
        { path: '/a', backend: memory },
        { path: '/a/b/c', backend: inner },
        { path: '/z/y/', backend: inner },
      ],
    });
    expect(await list(ROOT)).toEqual(['a/', 'z/']);
    expect(await list((await find('a')).attributes.inode)).toEqual(['b/', 'top']);
    expect(await list((await find('a/b')).attributes.inode)).toEqual(['c/', 'other']);
    expect(await list((await find('a/b/c')).attributes.inode)).toEqual(['file']);
    expect(await read((await find('z/y/file')).attributes.inode)).toBe('inner');
    expect((await find('z/y/file')).attributes.inode).not.toBe((await find('a/b/c/file')).attributes.inode);
    expect(await fileSystem.lookup((await find('z')).attributes.inode, 'x', context)).toEqual({ validMs: TTL });
    expect(fileSystem.hiddenNames).toEqual(['memory:b/c/']);
  });

  it('that can not be are refused', () => {
    for (const path of ['relative', '/a//b', '/a/../b', '/./a', `/${'x'.repeat(256)}`, '/.warpdrive', '/.warpdrive/x', '']) {
      expect(() => create({ mounts: [{ path, backend: memory }] })).toThrow(TypeError);
    }
    const twice = [
      { path: '/a', backend: memory },
      { path: '/a/', backend: memory },
    ];
    expect(() => create({ mounts: twice })).toThrow('both want it');
  });
});
