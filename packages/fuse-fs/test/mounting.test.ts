import { execFile, fork, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { fuseAvailability, mount, unmountPath } from '../src/index.ts';
import { describeMounted, itAsRoot, itWithFusermount } from './fixtures/availability.ts';
import { Client, sharedClient } from './fixtures/client.ts';
import type { DaemonOrder } from './fixtures/daemon.ts';
import { MemoryFileSystem } from './fixtures/memory-file-system.ts';
import { Mounted, MountPoint, TemporaryFolder } from './fixtures/place.ts';

const run = promisify(execFile);
const ORDINARY_USER = 1000;

/** A daemon in a process of its own. */
class Daemon implements AsyncDisposable {
  readonly process: ChildProcess;
  readonly #exited: Promise<unknown[]>;
  errors = '';

  private constructor(mountPoint: string, uid: number | undefined) {
    const identity = uid === undefined ? {} : { uid, gid: uid };
    this.process = fork(new URL('./fixtures/daemon.ts', import.meta.url), [mountPoint], { silent: true, cwd: '/', ...identity });
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => (this.errors += text));
    this.#exited = once(this.process, 'exit');
  }

  static async start(mountPoint: string, uid?: number): Promise<Daemon> {
    const daemon = new Daemon(mountPoint, uid);
    await Promise.race([once(daemon.process, 'message'), daemon.#exited.then(() => Promise.reject(new Error(daemon.errors)))]);
    return daemon;
  }

  tell(order: DaemonOrder): void {
    this.process.send(order);
  }

  /** Exit status, or the name of the signal that ended it. */
  async ended(): Promise<unknown> {
    const [status, signal] = await this.#exited;
    return status ?? signal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill('SIGKILL');
    await this.#exited;
  }
}

/** Runs something while the device has these permissions: whether ordinary users may open it differs between systems. */
async function withDeviceMode(mode: number, work: () => Promise<void> | void): Promise<void> {
  const before = statSync('/dev/fuse').mode & 0o777;
  chmodSync('/dev/fuse', mode);
  try {
    await work();
  } finally {
    chmodSync('/dev/fuse', before);
  }
}

function empty(): MemoryFileSystem {
  return new MemoryFileSystem({});
}

describeMounted('mount', () => {
  it('names what is wrong with a mount point, and leaves nothing behind', async () => {
    using folder = new TemporaryFolder();
    mkdirSync(`${folder.path}/full`);
    writeFileSync(`${folder.path}/full/file`, '');
    const cases = { missing: 'MOUNT_POINT_MISSING', full: 'MOUNT_POINT_NOT_EMPTY', 'full/file': 'MOUNT_POINT_NOT_DIRECTORY' };
    for (const [name, code] of Object.entries(cases)) {
      const mountPoint = `${folder.path}/${name}`;
      await expect(mount({ mountPoint, fileSystem: empty() })).rejects.toMatchObject({ name: 'MountError', code });
      await expect(mount({ mountPoint, fileSystem: empty() })).rejects.toThrow(mountPoint);
    }
    expect(await unmountPath(`${folder.path}/full`)).toBe(false);
  });

  it('refuses a place where a file system works, and leaves that alone', async () => {
    await using mounted = await Mounted.start(new MemoryFileSystem({ file: Buffer.from('x') }));
    await expect(mount({ mountPoint: mounted.path, fileSystem: empty() })).rejects.toMatchObject({ code: 'MOUNT_POINT_BUSY' });
    const client = sharedClient();
    expect(await client.readFile(`${mounted.path}/file`)).toEqual(Buffer.from('x'));
  });

  it('refuses a source that would break the list of mounts', async () => {
    await using place = new MountPoint();
    await expect(mount({ mountPoint: place.path, fileSystem: empty(), source: 'a,b c' })).rejects.toThrow(TypeError);
  });

  it('stops when its signal is aborted', async () => {
    await using place = new MountPoint();
    const signal = AbortSignal.abort(new Error('not wanted any more'));
    await expect(mount({ mountPoint: place.path, fileSystem: empty(), signal })).rejects.toThrow();
    expect(place.mounts).toEqual([]);
  });

  it('finds the place through symbolic links and with odd characters', async () => {
    using folder = new TemporaryFolder();
    mkdirSync(`${folder.path}/a b\\c`);
    await run('ln', ['-s', folder.path, `${folder.path}/link`]);
    {
      await using session = await mount({ mountPoint: `${folder.path}/link/a b\\c`, fileSystem: empty(), threads: 1 });
      expect(session.mountPoint).toBe(`${folder.path}/a b\\c`);
    }
    expect(await unmountPath(`${folder.path}/a b\\c`)).toBe(false);
  });

  it('shows its source and type to the system', async () => {
    await using place = new MountPoint();
    await using session = await mount({ mountPoint: place.path, fileSystem: empty(), source: 'shown', threads: 1 });
    expect(place.mounts[0]).toMatch(/^shown \S+ fuse\.shown rw,nosuid,nodev,noatime,/);
    expect(session.transport).toBe('kernel');
  });

  it('takes the place of a mount whose daemon was killed', async () => {
    await using place = new MountPoint();
    const client = sharedClient();
    {
      await using daemon = await Daemon.start(place.path);
      await client.open(`${place.path}/file`);
      daemon.process.kill('SIGKILL');
      expect(await daemon.ended()).toBe('SIGKILL');
    }
    expect(place.mounts).toHaveLength(1);
    expect(await client.errorOf('readdirSync', place.path)).toBe('ENOTCONN');
    await using session = await mount({ mountPoint: place.path, fileSystem: new MemoryFileSystem({ again: Buffer.alloc(0) }) });
    expect(session.mountPoint).toBe(place.path);
    expect(place.mounts).toHaveLength(1);
    expect(await client.readdir(place.path)).toEqual(['again']);
  });

  itAsRoot('says so when an ordinary user may not open the device', async () => {
    await withDeviceMode(0o600, () => {
      const module = JSON.stringify(new URL('../src/index.ts', import.meta.url).href);
      const script = `import(${module}).then(({ fuseAvailability }) => console.log(JSON.stringify(fuseAvailability())))`;
      const asked = spawnSync(process.execPath, [...process.execArgv, '-e', script], { uid: ORDINARY_USER, cwd: '/', encoding: 'utf8' });
      expect(asked.stdout).toContain('"ok":false');
      expect(asked.stdout).toContain('/dev/fuse may not be opened (EACCES)');
    });
    expect(fuseAvailability()).toEqual({ ok: true });
  });

  itWithFusermount('works for an ordinary user through fusermount3', async () => {
    await withDeviceMode(0o666, async () => {
      await using place = new MountPoint();
      chownSync(place.path, ORDINARY_USER, ORDINARY_USER);
      await using daemon = await Daemon.start(place.path, ORDINARY_USER);
      await using client = new Client(ORDINARY_USER);
      expect(await client.readFile(`${place.path}/file`)).toEqual(Buffer.from('content of the file\n'));
      await client.open(`${place.path}/large`);
      daemon.process.kill('SIGTERM');
      expect(await daemon.ended()).toBe(0);
      expect(place.mounts).toEqual([]);
    });
  });
});

describeMounted('a daemon', () => {
  it('ends on SIGTERM with status 0 and no mount, though files are open', async () => {
    await using place = new MountPoint();
    await using daemon = await Daemon.start(place.path);
    const client = sharedClient();
    await client.open(`${place.path}/large`);
    daemon.process.kill('SIGTERM');
    daemon.process.kill('SIGTERM');
    expect(await daemon.ended()).toBe(0);
    expect(place.mounts).toEqual([]);
  });

  it('leaves no mount when it exits without unmounting, though files are open', async () => {
    await using place = new MountPoint();
    await using daemon = await Daemon.start(place.path);
    const client = sharedClient();
    await client.open(`${place.path}/large`);
    daemon.tell('exit');
    expect(await daemon.ended()).toBe(7);
    expect(place.mounts).toEqual([]);
  });

  it('leaves no mount when it dies of an uncaught error', async () => {
    await using place = new MountPoint();
    await using daemon = await Daemon.start(place.path);
    const client = sharedClient();
    await client.open(`${place.path}/large`);
    daemon.tell('throw');
    expect(await daemon.ended()).toBe(1);
    expect(daemon.errors).toContain('a fault of the daemon');
    expect(place.mounts).toEqual([]);
  });
});

describeMounted('unmountPath', () => {
  it('is false where nothing is mounted, or where there is no such place', async () => {
    await using place = new MountPoint();
    expect(await unmountPath(place.path)).toBe(false);
    expect(await unmountPath(`${place.path}/missing/deeper`)).toBe(false);
  });

  itAsRoot('leaves mounts alone that are not of FUSE', async () => {
    await using place = new MountPoint();
    await run('mount', ['-t', 'tmpfs', 'none', place.path]);
    try {
      expect(await unmountPath(place.path)).toBe(false);
      await expect(mount({ mountPoint: place.path, fileSystem: empty() })).rejects.toMatchObject({ code: 'MOUNT_POINT_BUSY' });
      expect(place.mounts).toHaveLength(1);
    } finally {
      await run('umount', [place.path]);
    }
  });

  it('takes away the mount of another process, dead or alive', async () => {
    await using place = new MountPoint();
    {
      await using daemon = await Daemon.start(place.path);
      expect(await unmountPath(place.path)).toBe(true);
      expect(place.mounts).toEqual([]);
      expect(daemon.process.exitCode).toBe(null);
    }
    {
      await using daemon = await Daemon.start(place.path);
      daemon.process.kill('SIGKILL');
      await daemon.ended();
      expect(await unmountPath(place.path)).toBe(true);
    }
    expect(place.mounts).toEqual([]);
  });
});
