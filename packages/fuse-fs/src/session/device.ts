import { closeSync, writev, writevSync } from 'node:fs';
import { constants } from 'node:os';
import { promisify } from 'node:util';
import { publishFault } from '../events.ts';
import { encodeHeader } from '../protocol/replies.ts';
import { errorCode } from './command.ts';

const writevAsync = promisify(writev);

/** Errors of writing a reply that mean that nobody waits for it: the request is gone, or the whole mount is. */
const NOBODY_WAITS: ReadonlySet<string> = new Set(['ENOENT', 'ENODEV', 'ECONNABORTED', 'EPERM']);

/** The writing side of one connection to the kernel: an open `/dev/fuse`. */
export class Device {
  readonly fd: number;
  #closed = false;
  /** Notifications go out one after the other: each may hold a thread of the pool, and the answers that free it need threads too. */
  #notified: Promise<unknown> = Promise.resolve();

  constructor(fd: number) {
    this.fd = fd;
  }

  /**
   * Answers a request with success.
   *
   * @param payload what follows the header; header and payload go out in one write, as the kernel demands.
   * @returns whether the kernel took the answer. If not, whatever the answer handed out (a reference, a handle) was not received.
   */
  reply(unique: bigint, payload?: Uint8Array): boolean {
    if (this.#closed) return false;
    try {
      const header = encodeHeader(unique, 0, payload?.length ?? 0);
      writevSync(this.fd, payload === undefined || payload.length === 0 ? [header] : [header, payload]);
      return true;
    } catch (error) {
      if (NOBODY_WAITS.has(errorCode(error))) return false;
      // The kernel found fault with the reply and still waits for one.
      publishFault('protocol', error);
      this.replyError(unique, constants.errno.EIO);
      return false;
    }
  }

  /** Answers a request with an error, given as its positive number. */
  replyError(unique: bigint, errno: number): void {
    if (this.#closed) return;
    try {
      writevSync(this.fd, [encodeHeader(unique, errno, 0)]);
    } catch (error) {
      if (!NOBODY_WAITS.has(errorCode(error))) publishFault('protocol', error);
    }
  }

  /**
   * Sends a notification and waits until the kernel has acted on it. Never to be awaited by a request: the kernel may wait for that
   * request first. The write runs in a thread of the pool for the same reason.
   *
   * @returns false if the kernel doesn't know the inode or the name, so that nothing had to be done.
   */
  async notify(message: Uint8Array): Promise<boolean> {
    const notifying = this.#notified.then(() => this.#notify(message));
    this.#notified = notifying.catch(() => undefined);
    return notifying;
  }

  /** Closes the device. Late answers go nowhere from then on: the number may belong to another file soon. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    closeSync(this.fd);
  }

  async #notify(message: Uint8Array): Promise<boolean> {
    if (this.#closed) return false;
    try {
      await writevAsync(this.fd, [message]);
      return true;
    } catch (error) {
      if (NOBODY_WAITS.has(errorCode(error)) || errorCode(error) === 'ENOTDIR') return false;
      throw error;
    }
  }
}
