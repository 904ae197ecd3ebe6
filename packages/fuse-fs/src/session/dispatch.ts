import { performance } from 'node:perf_hooks';
import { operationChannel, publishFault, type OperationEvent } from '../events.ts';
import type { FileSystem, InodeNumber } from '../file-system.ts';
import { encodeAttributes, encodeEntry, encodeStatistics } from '../protocol/attributes.ts';
import { ProtocolError } from '../protocol/protocol-error.ts';
import { encodeOpen } from '../protocol/replies.ts';
import { decodeRequest, type Request } from '../protocol/requests.ts';
import type { Device } from './device.ts';
import { ERRNO, errnoOf, Refusal, type ErrnoName } from './errno.ts';
import type { Handles, OpenedHandle } from './handles.ts';
import { RequestsInFlight, type RequestScope } from './interrupts.ts';
import { readDirectory } from './read-directory.ts';

/** The access mode within the flags of open(2), `O_ACCMODE`; 0 is reading. */
const ACCESS_MODE = 3;

/** Where answers go. */
export type Replies = Pick<Device, 'reply' | 'replyError'>;

/** Answers the kernel's requests with what a file system says. */
export class Dispatcher {
  readonly #device: Replies;
  readonly #fileSystem: FileSystem;
  readonly #handles: Handles;
  readonly #inFlight = new RequestsInFlight();
  readonly #operations = new Map<string, number>();

  constructor(device: Replies, fileSystem: FileSystem, handles: Handles) {
    this.#device = device;
    this.#fileSystem = fileSystem;
    this.#handles = handles;
  }

  /** How many requests were answered here, by operation. */
  get operations(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#operations);
  }

  /** Takes one request as it was read from the device. The answer goes out when it is known; nothing is thrown. */
  handle(bytes: Buffer): void {
    let request: Request;
    try {
      request = decodeRequest(bytes);
    } catch (error) {
      publishFault('protocol', error);
      if (error instanceof ProtocolError && error.unique !== undefined) this.#device.replyError(error.unique, ERRNO.EIO);
      return;
    }
    switch (request.operation) {
      case 'forget':
      case 'batch_forget':
        // The only requests without a reply.
        for (const { inode, count } of request.forgets) this.#fileSystem.forget(inode, count);
        this.#count(request.operation);
        return;
      case 'interrupt':
        // An interrupt has a reply only if it is to be sent again: it came before the request that it means.
        if (!this.#inFlight.interrupt(request.target)) this.#device.replyError(request.unique, ERRNO.EAGAIN);
        return;
      default:
        void this.#answer(request);
    }
  }

  /** Ends what is in flight and closes what is open, after the connection has ended. */
  async close(): Promise<void> {
    this.#inFlight.interruptAll();
    await this.#handles.releaseAll();
  }

  async #answer(request: Request): Promise<void> {
    const started = performance.now();
    const scope = this.#inFlight.begin(request.unique);
    let failed: ErrnoName | undefined;
    try {
      await this.#perform(request, scope);
    } catch (error) {
      failed = errnoOf(error, scope);
      this.#device.replyError(request.unique, ERRNO[failed]);
    }
    this.#inFlight.end(request.unique);
    this.#count(request.operation);
    if (!operationChannel.hasSubscribers) return;
    const durationMs = performance.now() - started;
    const event: OperationEvent = { operation: request.operation, durationMs, ...(failed === undefined ? {} : { errno: failed }) };
    operationChannel.publish(event);
  }

  /** Answers with success, or throws. */
  async #perform(request: Request, scope: RequestScope): Promise<void> {
    const { unique, inode } = request;
    switch (request.operation) {
      case 'lookup': {
        if (request.name === undefined) throw new Refusal('ENOENT');
        const entry = await this.#fileSystem.lookup(inode, request.name, scope);
        const delivered = this.#device.reply(unique, encodeEntry(entry));
        if (!delivered && entry.attributes !== undefined) this.#fileSystem.forget(entry.attributes.inode, 1);
        return;
      }
      case 'getattr':
        this.#device.reply(unique, encodeAttributes(await this.#fileSystem.attributes(inode, scope)));
        return;
      case 'open': {
        if ((request.flags & ACCESS_MODE) !== 0) throw new Refusal('EROFS');
        const file = await this.#fileSystem.openFile(inode, scope);
        return this.#opened(unique, await this.#handles.addFile(inode, file));
      }
      case 'opendir':
        return this.#opened(unique, this.#handles.addDirectory(await this.#fileSystem.openDirectory(inode, scope)));
      case 'read': {
        const file = this.#handles.file(request.handle);
        if (file === undefined) throw new Refusal('EBADF');
        this.#device.reply(unique, await file.read(request.offset, request.size, scope));
        return;
      }
      case 'readdir':
      case 'readdirplus': {
        const directory = this.#handles.directory(request.handle);
        if (directory === undefined) throw new Refusal('EBADF');
        const packed = await readDirectory(directory, request, request.operation === 'readdirplus', scope);
        const delivered = this.#device.reply(unique, packed.bytes);
        if (!delivered) this.#giveBack(packed.referenced);
        return;
      }
      case 'release':
      case 'releasedir':
        // The kernel waits for no close; an error would reach nobody.
        this.#device.reply(unique);
        return this.#handles.release(request.handle);
      case 'statfs':
        this.#device.reply(unique, encodeStatistics(await this.#fileSystem.statistics()));
        return;
      default:
        answerPlain(request.operation);
        this.#device.reply(unique);
    }
  }

  async #opened(unique: bigint, opened: OpenedHandle): Promise<void> {
    const delivered = this.#device.reply(unique, encodeOpen(opened.handle, opened.flags, opened.backingId));
    // The process that opened was killed: the kernel will not release what it never got.
    if (!delivered) await this.#handles.release(opened.handle);
  }

  #giveBack(inodes: readonly InodeNumber[]): void {
    for (const inode of inodes) this.#fileSystem.forget(inode, 1);
  }

  #count(operation: string): void {
    this.#operations.set(operation, (this.#operations.get(operation) ?? 0) + 1);
  }
}

/**
 * The answer to requests whose arguments don't matter: returns for success, or throws. ENOSYS makes the kernel handle the operation
 * by itself from then on, without asking again.
 */
function answerPlain(operation: Request['operation']): void {
  switch (operation) {
    case 'flush':
    case 'fsync':
    case 'fsyncdir':
    case 'destroy':
      return;
    case 'setattr':
    case 'symlink':
    case 'mknod':
    case 'mkdir':
    case 'unlink':
    case 'rmdir':
    case 'rename':
    case 'rename2':
    case 'link':
    case 'write':
    case 'setxattr':
    case 'removexattr':
    case 'create':
    case 'fallocate':
    case 'copy_file_range':
    case 'copy_file_range_64':
    case 'tmpfile':
      throw new Refusal('EROFS');
    case 'readlink':
      throw new Refusal('EINVAL');
    case 'ioctl':
      throw new Refusal('ENOTTY');
    default:
      throw new Refusal('ENOSYS');
  }
}
