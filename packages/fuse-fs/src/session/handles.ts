import { passthroughOpenChannel, publishFault, type PassthroughOpenEvent } from '../events.ts';
import type { InodeNumber, OpenDirectory, OpenFile } from '../file-system.ts';
import { OpenFlag } from '../protocol/constants.ts';
import type { Passthrough } from './passthrough.ts';
import type { Readers } from './readers.ts';

/** What the kernel is told about a new handle. */
export interface OpenedHandle {
  readonly handle: number;
  /** See `OpenFlag`. */
  readonly flags: number;
  readonly backingId: number | undefined;
}

interface FileHandle {
  readonly inode: InodeNumber;
  readonly file: OpenFile;
  /** Whether the reader threads know it. */
  readonly inThreads: boolean;
}

/** The files and directories that the kernel holds open, by the numbers that it knows them by. A number is never used twice. */
export class Handles {
  readonly #readers: Pick<Readers, 'register' | 'unregister'>;
  readonly #passthrough: Passthrough | undefined;
  readonly #files = new Map<number, FileHandle>();
  readonly #directories = new Map<number, OpenDirectory>();
  #last = 0;
  #passthroughOpens = 0;

  constructor(readers: Pick<Readers, 'register' | 'unregister'>, passthrough: Passthrough | undefined) {
    this.#readers = readers;
    this.#passthrough = passthrough;
  }

  /** Open files. */
  get files(): number {
    return this.#files.size;
  }

  /** Opens that were answered with a backing file. */
  get passthroughOpens(): number {
    return this.#passthroughOpens;
  }

  file(handle: number): OpenFile | undefined {
    return this.#files.get(handle)?.file;
  }

  directory(handle: number): OpenDirectory | undefined {
    return this.#directories.get(handle);
  }

  /** Takes over an open file and chooses how it is read: by the kernel from a backing file, by a reader thread, or by `read`. */
  async addFile(inode: InodeNumber, file: OpenFile): Promise<OpenedHandle> {
    const handle = ++this.#last;
    const backingId = await this.#passthrough?.open(inode, file);
    const view = backingId === undefined ? file.threadView?.() : undefined;
    if (view !== undefined) this.#readers.register(handle, view);
    this.#files.set(handle, { inode, file, inThreads: view !== undefined });
    if (backingId === undefined) return { handle, flags: OpenFlag.noFlush | cachingFlags(file), backingId };
    this.#passthroughOpens++;
    const event: PassthroughOpenEvent = { bytes: file.size };
    passthroughOpenChannel.publish(event);
    return { handle, flags: OpenFlag.noFlush | OpenFlag.passthrough, backingId };
  }

  addDirectory(directory: OpenDirectory): OpenedHandle {
    const handle = ++this.#last;
    this.#directories.set(handle, directory);
    const flags = (directory.cacheable ? OpenFlag.cacheDirectory : 0) | (directory.keepCache ? OpenFlag.keepCache : 0);
    return { handle, flags, backingId: undefined };
  }

  /** Closes a file or a directory; an unknown handle is none. */
  async release(handle: number): Promise<void> {
    const file = this.#files.get(handle);
    const directory = this.#directories.get(handle);
    this.#files.delete(handle);
    this.#directories.delete(handle);
    try {
      if (file?.inThreads === true) this.#readers.unregister(handle);
      if (file !== undefined) await this.#passthrough?.release(file.inode);
      await file?.file[Symbol.asyncDispose]();
      await directory?.[Symbol.asyncDispose]();
    } catch (error) {
      publishFault('release', error);
    }
  }

  /** Closes all. */
  async releaseAll(): Promise<void> {
    await Promise.all([...this.#files.keys(), ...this.#directories.keys()].map((handle) => this.release(handle)));
  }
}

function cachingFlags({ keepCache, directIo }: OpenFile): number {
  return (keepCache ? OpenFlag.keepCache : 0) | (directIo === true ? OpenFlag.directIo : 0);
}
