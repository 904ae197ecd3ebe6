import { execFile } from 'node:child_process';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { Program } from './program.ts';

const run = promisify(execFile);
const WARPDRIVE = join(import.meta.dirname, '../../apps/mount/bin/warpdrive.mjs');

/** A mounted folder whose files are all in the cache of the program that mounts it. */
export interface WarmMount extends AsyncDisposable {
  readonly mountPoint: string;
  /** The commands that made it, as they stand in the report. */
  readonly commands: readonly string[];
  /** Peak of the resident memory of the program, in bytes, since it started. */
  peakMemory(): Promise<number>;
  /** Bytes that the program itself answered since it started, where it says so. */
  servedBytes?(): Promise<number>;
}

/** Mounts `origin` with warpdrive, fills its cache, and checks that it is complete. */
export async function mountWarpdrive(origin: string, folder: string, passthrough: 'auto' | 'off'): Promise<WarmMount> {
  const mountPoint = join(folder, 'mount');
  await mkdir(mountPoint, { recursive: true });
  const config = join(folder, 'config.yaml');
  await writeFile(
    config,
    stringify({
      mount_point: mountPoint,
      cache: { path: join(folder, 'cache'), max_size: '20GB' },
      fuse: { passthrough },
      backends: [{ name: 'origin', type: 'local', mount_path: '/origin', config: { path: origin } }],
      metrics: { enabled: false },
    }),
  );
  const daemon = new Program('warpdrive serve', process.execPath, [WARPDRIVE, 'serve', '--config', config]);
  try {
    await daemon.until((output) => /^ready /m.test(output));
    await run(process.execPath, [WARPDRIVE, 'warm', '--config', config]);
  } catch (error) {
    await daemon[Symbol.asyncDispose]();
    throw error;
  }
  return {
    mountPoint: join(mountPoint, 'origin'),
    commands: [`warpdrive serve --config <config with fuse.passthrough: ${passthrough}> & warpdrive warm --config <config>`],
    peakMemory: () => peakMemory(daemon.pid),
    async servedBytes() {
      const { stdout } = await run(process.execPath, [WARPDRIVE, 'stats', '--config', config, '--json']);
      return servedDiskBytes(JSON.parse(stdout));
    },
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  };
}

/** Mounts `origin` with rclone and a full VFS cache, and reads every byte of `file` once so that the cache holds it. */
export async function mountRclone(origin: string, folder: string, file: string): Promise<WarmMount> {
  const mountPoint = join(folder, 'mount');
  await mkdir(mountPoint, { recursive: true });
  const device = (await stat(mountPoint)).dev;
  const args = ['mount', origin, mountPoint, '--read-only', '--vfs-cache-mode', 'full', '--cache-dir', join(folder, 'cache')];
  const daemon = new Program('rclone mount', 'rclone', [...args, '--config', join(folder, 'rclone.conf')]);
  try {
    let mounted = false;
    await daemon.until(() => {
      void stat(mountPoint).then(({ dev }) => (mounted = dev !== device));
      return mounted;
    });
    await run('cat', [join(mountPoint, file)], { encoding: 'buffer', maxBuffer: Number.MAX_SAFE_INTEGER });
  } catch (error) {
    await daemon[Symbol.asyncDispose]();
    throw error;
  }
  return {
    mountPoint,
    commands: ['rclone mount <origin> <mount> --read-only --vfs-cache-mode full --cache-dir <cache> & cat <mount>/<file>'],
    peakMemory: () => peakMemory(daemon.pid),
    [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose](),
  };
}

async function peakMemory(pid: number): Promise<number> {
  const kib = /^VmHWM:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1];
  if (kib === undefined) throw new Error(`/proc/${pid}/status has no VmHWM`);
  return Number(kib) * 1024;
}

function servedDiskBytes(stats: unknown): number {
  const cache: unknown = typeof stats === 'object' && stats !== null ? Reflect.get(stats, 'cache') : undefined;
  const bytes: unknown = typeof cache === 'object' && cache !== null ? Reflect.get(cache, 'servedDiskBytes') : undefined;
  if (typeof bytes !== 'number') throw new Error('warpdrive stats --json has no cache.servedDiskBytes');
  return bytes;
}
