import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { MountError } from '../errors.ts';
import { findMount } from '../session/mount-table.ts';
import { Place } from '../session/place.ts';
import { loadFuseNative, type NativeMount } from './fuse-native-binding.ts';
import { PathServer } from './path-server.ts';
import type { MountedSession, SessionStats, TransportOptions } from './transport.ts';

/** The library tells nobody that its mount is gone, so the list of mounts is looked at this often. */
const WATCH_INTERVAL_MS = 1_000;
/** Its unmount hands the path to a shell in double quotes; these characters mean nothing there. */
const PLAIN_PATH = /^[\w./ +:@%,=-]+$/;
/**
 * Mounts through `fuse-native` and libfuse 2, for systems without the kernel's own protocol, and for comparison.
 *
 * That library knows files by path. The kernel's page cache, too, then belongs to the path and not to a version, so it is not used
 * (`direct_io`): otherwise a handle could show two versions mixed. There is no passthrough, there are no reader threads, and read-ahead
 * is the cache's alone.
 */
export async function mountByFuseNative(options: TransportOptions): Promise<MountedSession> {
  const { mountPoint, allowOther, source } = options;
  const Fuse = await loadFuseNative();
  if (!PLAIN_PATH.test(mountPoint)) {
    throw new MountError(
      'MOUNT_FAILED',
      `${mountPoint}: this transport takes only letters, digits, blanks and ./+:@%,=-_ in a mount point`,
    );
  }
  options.signal?.throwIfAborted();
  const server = new PathServer(options.fileSystem);
  const native = new Fuse(mountPoint, server.operations(), {
    // Each request ends in its own time: a slow store is no reason for an error.
    timeout: false,
    allowOther,
    defaultPermissions: true,
    // The library passes options on in one string, and has no name for direct_io.
    fsname: `${source},direct_io`,
    subtype: source,
  });
  try {
    await promisify(native.mount.bind(native))();
  } catch (error) {
    throw new MountError('MOUNT_FAILED', `mounting on ${mountPoint} failed: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
  return new NativeSession(mountPoint, native, server);
}

/** A mount through fuse-native. */
class NativeSession implements MountedSession {
  readonly transport = 'fuse-native';
  readonly passthrough = false;
  readonly mountPoint: string;
  readonly closed: Promise<void>;
  readonly #native: NativeMount;
  readonly #server: PathServer;
  readonly #place: Place;
  readonly #watching = new AbortController();
  #unmounting: Promise<void> | undefined;

  constructor(mountPoint: string, native: NativeMount, server: PathServer) {
    this.mountPoint = mountPoint;
    this.#native = native;
    this.#server = server;
    this.#place = new Place(mountPoint, findMount(mountPoint)?.device ?? '');
    this.closed = this.#watch();
    process.on('exit', this.#leave);
  }

  async unmount(): Promise<void> {
    this.#unmounting ??= this.#unmount();
    return this.#unmounting;
  }

  stats(): SessionStats {
    return this.#server.stats;
  }

  /** Names are kept for a second only. */
  invalidateName(): Promise<boolean> {
    return Promise.resolve(false);
  }

  invalidateInode(): Promise<boolean> {
    return Promise.resolve(false);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.unmount();
  }

  async #unmount(): Promise<void> {
    try {
      if (this.#place.isMounted) await promisify(this.#native.unmount.bind(this.#native))();
    } catch (error) {
      throw new MountError('UNMOUNT_FAILED', `${this.mountPoint} could not be unmounted: ${String(error)}`, { cause: error });
    }
    this.#watching.abort();
    await this.closed;
  }

  async #watch(): Promise<void> {
    try {
      while (this.#place.isMounted) await delay(WATCH_INTERVAL_MS, undefined, { signal: this.#watching.signal });
    } catch (error) {
      if (!this.#watching.signal.aborted) throw error;
    }
    process.off('exit', this.#leave);
    await this.#server.close();
  }

  readonly #leave = (): void => {
    this.#place.detachNow(undefined);
  };
}
