import { setTimeout as delay } from 'node:timers/promises';
import { MountError } from '../errors.ts';
import { publishFault } from '../events.ts';
import type { InodeNumber } from '../file-system.ts';
import { isLibc, loadLibc, type Libc } from '../libc.ts';
import { encodeInvalidateEntry, encodeInvalidateInode } from '../protocol/notify.ts';
import { AbortFile } from '../session/abort-file.ts';
import { attach } from '../session/attach.ts';
import { Device } from '../session/device.ts';
import { Dispatcher } from '../session/dispatch.ts';
import { Handles } from '../session/handles.ts';
import { findMount } from '../session/mount-table.ts';
import { negotiate } from '../session/negotiate.ts';
import { Passthrough } from '../session/passthrough.ts';
import { setReadAhead } from '../session/read-ahead.ts';
import { Place } from '../session/place.ts';
import { Readers } from '../session/readers.ts';
import { isPrivileged, removeMount } from '../session/unmount.ts';
import type { MountedSession, SessionStats, TransportOptions } from './transport.ts';

/** After an unmount the threads notice at once. Waiting longer than this means that someone else still holds the file system. */
const THREAD_END_MS = 500;

/**
 * Mounts by speaking the kernel's protocol on `/dev/fuse`.
 *
 * The order matters: nothing reads requests before the mount exists, no request but INIT comes before negotiation, and from then on this
 * process must never touch the mount itself.
 */
export async function mountByKernel(options: TransportOptions): Promise<MountedSession> {
  const loaded = await loadLibc();
  const libc = isLibc(loaded) ? loaded : undefined;
  if (!isLibc(loaded) && options.passthrough && isPrivileged()) publishFault('passthrough', new Error(loaded.reason));
  const device = new Device(await attach(options.mountPoint, options));
  try {
    const negotiated = await negotiate(device, {
      maxReadahead: options.readAheadBytes,
      passthrough: options.passthrough && libc !== undefined && isPrivileged(),
    });
    const mounted = findMount(options.mountPoint);
    if (mounted === undefined) throw new MountError('MOUNT_FAILED', `${options.mountPoint} was unmounted while it was being mounted`);
    const abortFile = await AbortFile.open(mounted.device);
    const place = new Place(options.mountPoint, mounted.device);
    const session = new KernelSession(device, options, { place, libc, abortFile, passthrough: negotiated.passthrough });
    await session.start(options.threads);
    if (isPrivileged()) await setReadAhead(mounted.device, options.readAheadBytes);
    return session;
  } catch (error) {
    await removeMount(options.mountPoint, { lazy: true });
    device.close();
    throw error;
  }
}

interface Means {
  readonly place: Place;
  readonly libc: Libc | undefined;
  readonly abortFile: AbortFile | undefined;
  readonly passthrough: boolean;
}

class KernelSession implements MountedSession {
  readonly transport = 'kernel';
  readonly mountPoint: string;
  readonly passthrough: boolean;
  readonly closed: Promise<void>;
  readonly #device: Device;
  readonly #readers: Readers;
  readonly #handles: Handles;
  readonly #dispatcher: Dispatcher;
  readonly #means: Means;
  readonly #settle: { readonly resolve: () => void; readonly reject: (error: MountError) => void };
  #unmounting: Promise<void> | undefined;
  #detaching: Promise<boolean> | undefined;
  #fault: MountError | undefined;

  constructor(device: Device, options: TransportOptions, means: Means) {
    this.mountPoint = options.mountPoint;
    this.passthrough = means.passthrough;
    this.#device = device;
    this.#means = means;
    this.#readers = new Readers(device.fd);
    const passthrough = means.passthrough && means.libc !== undefined ? new Passthrough(device.fd, means.libc) : undefined;
    this.#handles = new Handles(this.#readers, passthrough);
    this.#dispatcher = new Dispatcher(device, options.fileSystem, this.#handles);
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    this.closed = promise;
    this.#settle = { resolve: () => resolve(undefined), reject };
    // Who doesn't look at `closed` must not be ended by its rejection.
    promise.catch(() => undefined);
  }

  async start(threads: number): Promise<void> {
    process.on('exit', this.#leave);
    const { ended } = await this.#readers.start(threads, {
      request: (request) => this.#dispatcher.handle(request),
      fault: (error) => this.#fail(error),
    });
    void ended.then(() => this.#close());
  }

  async unmount(): Promise<void> {
    this.#unmounting ??= this.#unmount();
    return this.#unmounting;
  }

  stats(): SessionStats {
    const served = this.#readers.served;
    return {
      operations: this.#dispatcher.operations,
      threadReads: served.reads,
      threadReadBytes: served.bytes,
      passthroughOpens: this.#handles.passthroughOpens,
      openFiles: this.#handles.files,
    };
  }

  async invalidateName(parent: InodeNumber, name: string): Promise<boolean> {
    return this.#device.notify(encodeInvalidateEntry(parent, name));
  }

  async invalidateInode(inode: InodeNumber): Promise<boolean> {
    return this.#device.notify(encodeInvalidateInode(inode));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.unmount();
  }

  async #unmount(): Promise<void> {
    if (this.#readers.live === 0) return this.closed.catch(() => undefined);
    this.#detaching = this.#means.place.detach();
    const wasBusy = await this.#detaching;
    if (wasBusy || !(await this.#endsSoon())) this.#means.abortFile?.abort();
    if (await this.#endsSoon()) return;
    // Someone holds files open and the connection can't be aborted. The threads stay where they are until the process exits.
    this.#readers.unref();
    await this.#dispatcher.close();
    this.#settle.resolve();
  }

  /** Waits a moment for the session to be closed. */
  async #endsSoon(): Promise<boolean> {
    const waiting = new AbortController();
    try {
      const ended = this.closed.then(
        () => true,
        () => true,
      );
      return await Promise.race([ended, delay(THREAD_END_MS, false, { signal: waiting.signal })]);
    } finally {
      waiting.abort();
    }
  }

  /** All threads have ended: the kernel will ask no more. */
  async #close(): Promise<void> {
    process.off('exit', this.#leave);
    // Its failure is that of `unmount`.
    await this.#detaching?.catch(() => undefined);
    await this.#dispatcher.close();
    await this.#means.abortFile?.[Symbol.asyncDispose]();
    this.#device.close();
    if (this.#fault === undefined) this.#settle.resolve();
    else this.#settle.reject(this.#fault);
  }

  /** A session with a broken thread can't go on: what that thread had taken would never be answered. */
  #fail(error: unknown): void {
    this.#fault ??= new MountError('READER_FAILED', `a thread that reads requests for ${this.mountPoint} broke; it was unmounted`, {
      cause: error,
    });
    void this.unmount().catch(() => undefined);
  }

  /**
   * The process exits without having unmounted: take the mount away and wake the threads, as the exit waits for them. Nothing
   * asynchronous runs any more.
   */
  readonly #leave = (code: number): void => {
    const { place, libc, abortFile } = this.#means;
    if (this.#readers.live === 0) return;
    place.detachNow(libc);
    if (abortFile !== undefined) abortFile.abort();
    else if (libc !== undefined) libc.exitNow(code);
    else process.kill(process.pid, 'SIGKILL');
  };
}
