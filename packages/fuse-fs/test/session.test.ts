import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import {
  FileSystemError,
  mount,
  type Awaitable,
  type Entry,
  type FaultEvent,
  type MissingEntry,
  type OperationEvent,
  type RequestContext,
} from '../src/index.ts';
import { findMount } from '../src/session/mount-table.ts';
import { eventually } from './fixtures/eventually.ts';
import { describeMounted, itAsRoot } from './fixtures/availability.ts';
import { Client, sharedClient } from './fixtures/client.ts';
import { MemoryFileSystem } from './fixtures/memory-file-system.ts';
import { Recording } from './fixtures/recording.ts';
import { Mounted } from './fixtures/place.ts';

const NOBODY = 65_534;
const run = promisify(execFile);

function tree() {
  return {
    hello: Buffer.from('hello\n'),
    'größe 漢字': Buffer.alloc(3_000_001, 'pattern'),
    empty: Buffer.alloc(0),
    sub: { inner: Buffer.from('x'), none: {} },
  };
}

describeMounted('a mounted file system', () => {
  it('shows names, attributes and content', async () => {
    const fileSystem = new MemoryFileSystem(tree());
    await using mounted = await Mounted.start(fileSystem);
    const client = sharedClient();
    expect(await client.readdir(mounted.path)).toEqual(['empty', 'größe 漢字', 'hello', 'sub']);
    expect(await client.stat(`${mounted.path}/größe 漢字`)).toMatchObject({
      size: 3_000_001,
      mode: 0o100444,
      mtimeMs: 1_700_000_000_123,
      directory: false,
    });
    expect(await client.stat(`${mounted.path}/sub`)).toMatchObject({ mode: 0o040555, directory: true });
    const found = (await client.call('walk', mounted.path)) as Map<string, Buffer | undefined>;
    expect([...found.keys()].sort()).toEqual(['/empty', '/größe 漢字', '/hello', '/sub', '/sub/inner', '/sub/none']);
    expect(found.get('/größe 漢字')?.equals(tree()['größe 漢字'])).toBe(true);
    expect(found.get('/empty')).toHaveLength(0);
    expect(await client.errorOf('statSync', `${mounted.path}/nothing`)).toBe('ENOENT');
    expect(await client.errorOf('readdirSync', `${mounted.path}/hello`)).toBe('ENOTDIR');
    expect(await client.errorOf('readFileSync', `${mounted.path}/sub`)).toBe('EISDIR');
    expect(await client.call('statfsSync', mounted.path)).toMatchObject({ bsize: 4096, blocks: 10, bfree: 5, files: 7 });
  });

  it('lists a directory of 10,000 names, each once', async () => {
    const names = Array.from({ length: 10_000 }, (_, index) => `name-${index}`.padEnd(index % 90, '.'));
    const fileSystem = new MemoryFileSystem(Object.fromEntries(names.map((name) => [name, Buffer.alloc(0)])));
    await using mounted = await Mounted.start(fileSystem);
    const client = sharedClient();
    expect(await client.readdir(mounted.path)).toEqual([...names].sort());
  });

  it('reads any piece of a file right, at any size', async () => {
    const content = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7919) >>> 3));
    await using mounted = await Mounted.start(new MemoryFileSystem({ content }));
    const client = sharedClient();
    const fd = await client.open(`${mounted.path}/content`);
    for (const [offset, length] of [
      [0, 1],
      [4095, 2],
      [131_071, 131_074],
      [299_999, 10],
      [300_000, 1],
      [10 ** 12, 5],
      [7, 299_993],
    ] as const) {
      expect((await client.pread(fd, offset, length)).equals(content.subarray(offset, offset + length))).toBe(true);
    }
  });

  it('passes every read on as it was asked for, where a file wants it so', async () => {
    const asked: [offset: number, length: number][] = [];
    class Watched extends MemoryFileSystem {
      protected override read(content: Uint8Array, offset: number, length: number, context: RequestContext): Promise<Uint8Array> {
        asked.push([offset, length]);
        return super.read(content, offset, length, context);
      }
    }
    const fileSystem = new Watched(tree());
    fileSystem.directIo = true;
    await using mounted = await Mounted.start(fileSystem);
    const client = sharedClient();
    const fd = await client.open(`${mounted.path}/größe 漢字`);
    for (let time = 0; time < 2; time++) expect((await client.pread(fd, 1_001, 50_000)).length).toBe(50_000);
    expect(asked).toEqual([
      [1_001, 50_000],
      [1_001, 50_000],
    ]);
  });

  it('refuses every change with EROFS', async () => {
    await using mounted = await Mounted.start(new MemoryFileSystem(tree()));
    const client = sharedClient();
    const at = (name: string): string => `${mounted.path}/${name}`;
    const attempts: [string, ...unknown[]][] = [
      ['writeFileSync', at('new'), 'x'],
      ['openSync', at('hello'), 'r+'],
      ['openSync', at('hello'), 'a'],
      ['truncateSync', at('hello'), 0],
      ['mkdirSync', at('directory')],
      ['unlinkSync', at('hello')],
      ['rmdirSync', at('sub/none')],
      ['renameSync', at('hello'), at('other')],
      ['symlinkSync', 'hello', at('link')],
      ['linkSync', at('hello'), at('link')],
      ['chmodSync', at('hello'), 0o777],
      ['chownSync', at('hello'), 1, 1],
      ['utimesSync', at('hello'), 1, 1],
    ];
    for (const [name, ...args] of attempts) expect([name, await client.errorOf(name, ...args)]).toEqual([name, 'EROFS']);
    expect(await client.readFile(at('hello'))).toEqual(Buffer.from('hello\n'));
  });

  itAsRoot('lets other users in only if told to, and stops them by the mode bits', async () => {
    await using closed = await Mounted.start(new MemoryFileSystem(tree()));
    await using open = await Mounted.start(new MemoryFileSystem(tree()), { allowOther: true });
    await using nobody = new Client(NOBODY);
    expect(await nobody.errorOf('readFileSync', `${closed.path}/hello`)).toBe('EACCES');
    expect(await nobody.readFile(`${open.path}/hello`)).toEqual(Buffer.from('hello\n'));
    expect(await nobody.errorOf('openSync', `${open.path}/hello`, 'r+')).toBe('EACCES');
  });

  it('answers what the file system says, and EIO with a report when it breaks', async () => {
    using faults = new Recording<FaultEvent>('warpforge:fuse-fs:fault');
    class Failing extends MemoryFileSystem {
      protected override read(content: Uint8Array): Promise<Uint8Array> {
        return Promise.reject(content.length === 1 ? new TypeError('a fault of the file system') : new FileSystemError('ESTALE', 'old'));
      }
    }
    await using mounted = await Mounted.start(new Failing(tree()));
    const client = sharedClient();
    expect(await client.errorOf('readFileSync', `${mounted.path}/hello`)).toBe('ESTALE');
    expect(faults.events).toEqual([]);
    expect(await client.errorOf('readFileSync', `${mounted.path}/sub/inner`)).toBe('EIO');
    expect(faults.events[0]).toMatchObject({ kind: 'file-system', error: { message: 'a fault of the file system' } });
  });

  it('aborts the signal of a request whose process is killed, and goes on', async () => {
    const asked = Promise.withResolvers<AbortSignal>();
    class Hanging extends MemoryFileSystem {
      override lookup(parent: number, name: string, context?: RequestContext): Awaitable<Entry | MissingEntry> {
        if (name !== 'hang' || context === undefined) return super.lookup(parent, name);
        asked.resolve(context.signal);
        return new Promise((_, reject) => context.signal.addEventListener('abort', () => reject(context.signal.reason as Error)));
      }
    }
    await using mounted = await Mounted.start(new Hanging(tree()));
    const client = sharedClient();
    const doomed = new Client();
    doomed.stat(`${mounted.path}/hang`).catch(() => undefined);
    const signal = await asked.promise;
    const aborted = new Promise((resolve) => signal.addEventListener('abort', resolve));
    await Promise.all([aborted, doomed[Symbol.asyncDispose]()]);
    expect(await client.readFile(`${mounted.path}/hello`)).toEqual(Buffer.from('hello\n'));
  });

  itAsRoot('gets back every reference that it handed out', async () => {
    const fileSystem = new MemoryFileSystem(tree());
    await using mounted = await Mounted.start(fileSystem);
    await using client = new Client();
    await client.call('walk', mounted.path);
    expect([...fileSystem.references.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(6);
    await client[Symbol.asyncDispose]();
    // Makes the kernel forget the names and inodes that nobody uses.
    writeFileSync('/proc/sys/vm/drop_caches', '2');
    await eventually(() => [...new Set(fileSystem.references.values())]).toEqual([0]);
    await eventually(() => fileSystem.openHandles).toBe(0);
  });

  it('forgets names and content when it is told to, before their time is over', async () => {
    const validMs = 3_600_000;
    class Lasting extends MemoryFileSystem {
      lookups: string[] = [];
      override async lookup(parent: number, name: string): Promise<Entry | MissingEntry> {
        this.lookups.push(name);
        return { ...(await super.lookup(parent, name)), validMs };
      }
    }
    const fileSystem = new Lasting(tree());
    await using mounted = await Mounted.start(fileSystem);
    const client = sharedClient();
    const look = async (): Promise<string[]> => {
      await client.errorOf('statSync', `${mounted.path}/none`);
      await client.stat(`${mounted.path}/sub/inner`);
      return fileSystem.lookups.splice(0);
    };
    expect(await look()).toEqual(['none', 'sub', 'inner']);
    expect(await look()).toEqual([]);
    expect(await mounted.session.invalidateName(1, 'none')).toBe(true);
    expect(await look()).toEqual(['none']);
    expect(await mounted.session.invalidateName(1, 'sub')).toBe(true);
    expect(await look()).toEqual(['sub', 'inner']);
    expect(await mounted.session.invalidateName(1, 'never seen')).toBe(false);
    const { ino } = await client.stat(`${mounted.path}/sub/inner`);
    expect(await mounted.session.invalidateInode(ino)).toBe(true);
    expect(await mounted.session.invalidateInode(999)).toBe(false);
    await mounted.session.unmount();
    expect(await mounted.session.invalidateName(1, 'sub')).toBe(false);
  });

  it('counts and reports operations', async () => {
    using operations = new Recording<OperationEvent>('warpforge:fuse-fs:operation');
    await using mounted = await Mounted.start(new MemoryFileSystem(tree()));
    const client = sharedClient();
    await client.readFile(`${mounted.path}/hello`);
    await client.errorOf('statSync', `${mounted.path}/sub/none/nothing`);
    await client.errorOf('mkdirSync', `${mounted.path}/x`);
    expect(mounted.session.stats().operations).toMatchObject({ open: 1, read: 1, mkdir: 1 });
    expect(operations.events.map(({ operation, errno }) => [operation, errno])).toEqual(
      expect.arrayContaining([
        ['mkdir', 'EROFS'],
        ['open', undefined],
      ]),
    );
    expect(operations.events.every(({ durationMs }) => durationMs >= 0)).toBe(true);
  });

  itAsRoot('sets the read-ahead that was asked for', async () => {
    await using mounted = await Mounted.start(new MemoryFileSystem(tree()), { readAheadBytes: 768 * 1024 });
    const mount = findMount(mounted.path);
    expect(readFileSync(`/sys/class/bdi/${mount?.device}/read_ahead_kb`, 'utf8')).toBe('768\n');
  });
});

describeMounted('the end of a mount', () => {
  it('comes with unmount, once, however often it is called', async () => {
    const mounted = await Mounted.start(new MemoryFileSystem(tree()));
    expect(mounted.isMounted).toBe(true);
    await Promise.all([mounted.session.unmount(), mounted.session.unmount()]);
    await mounted.session.closed;
    expect(mounted.isMounted).toBe(false);
    await mounted[Symbol.asyncDispose]();
  });

  it('does not wait for open files: they fail, and are closed', async () => {
    const fileSystem = new MemoryFileSystem(tree());
    await using mounted = await Mounted.start(fileSystem);
    const client = sharedClient();
    const fd = await client.open(`${mounted.path}/größe 漢字`);
    await mounted.session.unmount();
    expect(mounted.isMounted).toBe(false);
    await mounted.session.closed;
    expect(fileSystem.openHandles).toBe(0);
    expect(await client.errorOf('pread', fd, 0, 10)).not.toBe('none');
  });

  it('is noticed when someone else unmounts', async () => {
    const fileSystem = new MemoryFileSystem(tree());
    await using mounted = await Mounted.start(fileSystem);
    const client = sharedClient();
    expect(await client.readFile(`${mounted.path}/hello`)).toEqual(Buffer.from('hello\n'));
    await run('umount', [mounted.path]);
    await mounted.session.closed;
    expect(fileSystem.openHandles).toBe(0);
  });

  it('comes after the last close, when someone else unmounts lazily', async () => {
    await using mounted = await Mounted.start(new MemoryFileSystem(tree()));
    const client = sharedClient();
    const fd = await client.open(`${mounted.path}/hello`);
    await run('umount', ['-l', mounted.path]);
    expect(mounted.isMounted).toBe(false);
    expect(await client.pread(fd, 0, 5)).toEqual(Buffer.from('hello'));
    await client.close(fd);
    await mounted.session.closed;
  });

  it('leaves a mount alone that came to its place meanwhile', async () => {
    await using mounted = await Mounted.start(new MemoryFileSystem(tree()));
    const client = sharedClient();
    const fd = await client.open(`${mounted.path}/hello`);
    await run('umount', ['-l', mounted.path]);
    await using other = await mount({
      mountPoint: mounted.path,
      fileSystem: new MemoryFileSystem({ other: Buffer.from('x') }),
      threads: 1,
    });
    await mounted.session.unmount();
    await mounted.session.closed;
    expect(await client.readdir(other.mountPoint)).toEqual(['other']);
    await client.close(fd);
  });

  it('comes with a reason when a reader thread breaks', async () => {
    await using mounted = await Mounted.start(new MemoryFileSystem(tree()), { threads: 1 });
    await using client = new Client();
    // Puts another file under the number of the device, from which the thread then reads nothing.
    const device = readdirSync('/proc/self/fd').find((fd) => linkOf(fd) === '/dev/fuse');
    const others: number[] = [];
    closeSync(Number(device));
    for (let fd = openSync('/dev/null', 'r'); fd !== Number(device); fd = openSync('/dev/null', 'r')) others.push(fd);
    for (const fd of others) closeSync(fd);
    await client.errorOf('statSync', mounted.path);
    await expect(mounted.session.closed).rejects.toMatchObject({ name: 'MountError', code: 'READER_FAILED' });
    expect(mounted.isMounted).toBe(false);
  });
});

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return ''; // The descriptor of the listing itself.
  }
}
