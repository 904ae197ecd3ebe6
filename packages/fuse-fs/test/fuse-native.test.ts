import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { mount } from '../src/index.ts';
import { loadFuseNative, type NativeDone } from '../src/transports/fuse-native-binding.ts';
import { PathServer } from '../src/transports/path-server.ts';
import { sharedClient } from './fixtures/client.ts';
import { MemoryFileSystem } from './fixtures/memory-file-system.ts';
import { Mounted, MountPoint } from './fixtures/place.ts';

const run = promisify(execFile);

function tree() {
  return { hello: Buffer.from('hello\n'), large: Buffer.alloc(3_000_001, 'pattern'), sub: { inner: Buffer.from('x') } };
}

/** Calls an operation as the library does. */
async function call<Result>(start: (done: NativeDone<Result>) => void): Promise<{ status: number; result: Result | undefined }> {
  return new Promise((resolve) => start((status, result) => resolve({ status, result })));
}

describe('PathServer', () => {
  it('answers by path, and gives back every reference', async () => {
    const fileSystem = new MemoryFileSystem(tree());
    const server = new PathServer(fileSystem);
    const operations = server.operations();
    expect(await call((done) => operations.getattr('/sub/inner', done))).toMatchObject({ status: 0, result: { size: 1, mode: 0o100444 } });
    expect(await call((done) => operations.getattr('/', done))).toMatchObject({ result: { mode: 0o040555 } });
    expect(await call((done) => operations.getattr('/sub/none', done))).toMatchObject({ status: -2 });
    expect(await call((done) => operations.readdir('/', done))).toEqual({ status: 0, result: ['hello', 'large', 'sub'] });
    expect(await call((done) => operations.open('/sub', 0, done))).toMatchObject({ status: -21 });
    expect(await call((done) => operations.statfs('/', done))).toMatchObject({ result: { bsize: 4096, blocks: 10, namemax: 255 } });
    expect(new Set(fileSystem.references.values())).toEqual(new Set([0]));
  });

  it('keeps the inode of an open file, and reads from its handle', async () => {
    const fileSystem = new MemoryFileSystem(tree());
    const server = new PathServer(fileSystem);
    const operations = server.operations();
    const { result: handle = 0 } = await call<number>((done) => operations.open('/hello', 0, done));
    expect(fileSystem.references.get(2)).toBe(1);
    const target = Buffer.alloc(10);
    expect(await call((done) => operations.read('/hello', handle, target, 10, 2, done))).toMatchObject({ status: 4 });
    expect(target.subarray(0, 4)).toEqual(Buffer.from('llo\n'));
    expect(await call((done) => operations.fgetattr('/gone', handle, done))).toMatchObject({ result: { size: 6 } });
    expect(server.stats).toMatchObject({ openFiles: 1, operations: { open: 1, read: 1 } });
    await call((done) => operations.release('/hello', handle, done));
    expect(await call((done) => operations.read('/hello', handle, target, 10, 0, done))).toMatchObject({ status: -9 });
    await call<number>((done) => operations.open('/hello', 0, done));
    await server.close();
    expect([fileSystem.openHandles, fileSystem.references.get(2)]).toEqual([0, 0]);
  });

  it('refuses changes', async () => {
    const operations = new PathServer(new MemoryFileSystem(tree())).operations();
    expect(await call((done) => operations.open('/hello', 1, done))).toMatchObject({ status: -30 });
    const { mkdir } = operations as unknown as { readonly mkdir: (path: string, mode: number, done: NativeDone) => void };
    expect(await call((done) => mkdir('/new', 0o777, done))).toMatchObject({ status: -30 });
  });
});

const library = await loadFuseNative().catch((error: unknown) => error as Error);

// The package is not installed with this one. Where someone has installed it, it is tested for real.
if (library instanceof Error) {
  it('the transport fuse-native says how to get it where it is not installed', async () => {
    await using place = new MountPoint();
    await expect(mount({ mountPoint: place.path, fileSystem: new MemoryFileSystem({}), transport: 'fuse-native' })).rejects.toMatchObject({
      code: 'TRANSPORT_UNAVAILABLE',
      message: expect.stringMatching(/npm install fuse-native|apt-get install libfuse2/) as unknown,
    });
  });
} else {
  describe('the transport fuse-native', () => {
    it('shows and reads a tree, refuses changes, and unmounts', async () => {
      const fileSystem = new MemoryFileSystem(tree());
      await using mounted = await Mounted.start(fileSystem, { transport: 'fuse-native' });
      const client = sharedClient();
      expect(mounted.session.transport).toBe('fuse-native');
      const found = (await client.call('walk', mounted.path)) as Map<string, Buffer | undefined>;
      expect([...found.keys()].sort()).toEqual(['/hello', '/large', '/sub', '/sub/inner']);
      expect(found.get('/large')?.equals(tree().large)).toBe(true);
      expect(await client.errorOf('writeFileSync', `${mounted.path}/new`, 'x')).toBe('EROFS');
      expect(await client.errorOf('mkdirSync', `${mounted.path}/new`)).toBe('EROFS');
      await mounted.session.unmount();
      await mounted.session.closed;
      expect(mounted.isMounted).toBe(false);
      expect(fileSystem.openHandles).toBe(0);
    });

    it('notices that someone else has unmounted', async () => {
      await using mounted = await Mounted.start(new MemoryFileSystem(tree()), { transport: 'fuse-native' });
      await run('umount', [mounted.path]);
      await mounted.session.closed;
    });
  });
}
