import { accessSync, constants } from 'node:fs';
import { availableParallelism } from 'node:os';
import { MountError } from './errors.ts';
import type { FileSystem } from './file-system.ts';
import { DEVICE, unavailable } from './session/attach.ts';
import { errorCode } from './session/command.ts';
import { prepareMountPoint } from './session/mount-point.ts';
import { canonicalMountPoint, findMount, isFuse, type MountEntry } from './session/mount-table.ts';
import { removeMount } from './session/unmount.ts';
import { mountByFuseNative } from './transports/fuse-native.ts';
import { mountByKernel } from './transports/kernel.ts';
import type { MountedSession } from './transports/transport.ts';

/** 1 MiB gives nearly all of the sequential speed; more makes a page fault of a 4 KiB mapping fetch megabytes. */
const DEFAULT_READ_AHEAD = 1024 * 1024;
/** One thread copies a reply while another waits for the next request; more than four gained nothing. */
const MAX_DEFAULT_THREADS = 4;
const MIN_DEFAULT_THREADS = 2;

/** How to mount a file system. */
export interface MountOptions {
  /** An empty directory. A FUSE mount there whose daemon has died is removed first. */
  readonly mountPoint: string;
  readonly fileSystem: FileSystem;
  /** First column of `df`, and the subtype of the mount: letters, digits, `-` and `_`. Default: `warpdrive`. */
  readonly source?: string;
  /** Whether other users may look in; as an ordinary user this needs `user_allow_other` in /etc/fuse.conf. Default: false. */
  readonly allowOther?: boolean;
  /** How far the kernel reads ahead in sequentially read files, in bytes. Above 128 KiB it has an effect only as root. Default: 1 MiB. */
  readonly readAheadBytes?: number;
  /** Threads that read the kernel's requests, each with 10 MB of memory. Default: as many as processors, from 2 to 4. */
  readonly threads?: number;
  /** Whether complete cached files are handed to the kernel, where it can (Linux 6.9, root). Default: `auto`. */
  readonly passthrough?: 'auto' | 'off';
  /**
   * `kernel` speaks to `/dev/fuse` directly. `fuse-native` goes through the npm package of that name, to be installed beside this one,
   * and libfuse 2: slower, without passthrough. Default: `auto`, which is `kernel`.
   */
  readonly transport?: 'auto' | 'kernel' | 'fuse-native';
  /** Gives up mounting; without effect once mounted. */
  readonly signal?: AbortSignal;
}

/**
 * Mounts a file system and serves it until it is unmounted.
 *
 * This process must never touch the mount itself, not by a look at its attributes: the request would wait for the thread that waits.
 *
 * @throws {MountError}
 */
export async function mount(options: MountOptions): Promise<MountedSession> {
  const available = fuseAvailability();
  if (!available.ok) throw new MountError('FUSE_UNAVAILABLE', available.reason);
  const source = options.source ?? 'warpdrive';
  if (!/^[\w-]+$/.test(source)) throw new TypeError(`source ${JSON.stringify(source)}: only letters, digits, "-" and "_" are possible`);
  const mountPoint = await canonicalMountPoint(options.mountPoint);
  await prepareMountPoint(mountPoint, options.signal);
  const transport = options.transport === 'fuse-native' ? mountByFuseNative : mountByKernel;
  return transport({
    mountPoint,
    fileSystem: options.fileSystem,
    source,
    allowOther: options.allowOther ?? false,
    readAheadBytes: options.readAheadBytes ?? DEFAULT_READ_AHEAD,
    threads: options.threads ?? Math.min(MAX_DEFAULT_THREADS, Math.max(MIN_DEFAULT_THREADS, availableParallelism())),
    passthrough: options.passthrough !== 'off',
    signal: options.signal,
  });
}

/**
 * What is mounted at a place, the topmost if several are; undefined if nothing is. Works for mounts whose daemon hangs or has died:
 * the kernel's list of mounts is read, and the place itself is not touched.
 */
export async function mountAt(mountPoint: string): Promise<MountEntry | undefined> {
  return findMount(await canonicalMountPoint(mountPoint));
}

/**
 * Takes a FUSE mount out of the tree, whether its daemon lives, hangs or has died, and whether files are open in it.
 *
 * @returns false if no FUSE file system is mounted there; other mounts are left alone.
 * @throws {MountError} `UNMOUNT_FAILED`
 */
export async function unmountPath(mountPoint: string): Promise<boolean> {
  const path = await canonicalMountPoint(mountPoint);
  const mounted = findMount(path);
  if (mounted === undefined || !isFuse(mounted)) return false;
  await removeMount(path, { lazy: true });
  return true;
}

/** Whether file systems can be mounted on this machine, and if not, why and what to do. Says nothing about a particular mount point. */
export function fuseAvailability(): { readonly ok: true } | { readonly ok: false; readonly reason: string } {
  if (process.platform !== 'linux') return { ok: false, reason: `the kernel protocol is that of Linux, and this is ${process.platform}` };
  try {
    // An ordinary user needs this permission too: fusermount3 opens the device in the user's name.
    accessSync(DEVICE, constants.R_OK | constants.W_OK);
    return { ok: true };
  } catch (error) {
    return { ok: false, reason: unavailable(errorCode(error)) };
  }
}
