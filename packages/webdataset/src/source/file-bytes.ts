import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { reasonOf, WebDatasetError } from '../errors.ts';
import type { ShardBytes, ShardLocation } from './shard-bytes.ts';

/** A file, read by blocking calls: the fastest way there is, and meant for worker threads. */
export class FileBytes implements ShardBytes {
  readonly name: string;
  readonly size: number;
  readonly location: ShardLocation;
  readonly #fd: number;
  readonly #ownsDescriptor: boolean;
  #closed = false;

  private constructor(location: ShardLocation, fd: number, size: number, ownsDescriptor: boolean) {
    this.name = location.name;
    this.location = location;
    this.size = size;
    this.#fd = fd;
    this.#ownsDescriptor = ownsDescriptor;
  }

  /** @throws {@link WebDatasetError} `WDS_READ` */
  static open(location: Extract<ShardLocation, { kind: 'file' }>): FileBytes {
    const { name, path } = location;
    // Before opening it: to open a pipe waits for its writer.
    if (!guarded(name, 'open', () => statSync(path)).isFile()) {
      throw new WebDatasetError('WDS_READ', 'it is no file; name a file, or give a pipe as a custom shard', { shard: name });
    }
    const fd = guarded(name, 'open', () => openSync(path, 'r'));
    try {
      return new FileBytes(location, fd, guarded(name, 'examine', () => fstatSync(fd)).size, true);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
  }

  /** A file that another thread has opened, and will close. */
  static shared(location: Extract<ShardLocation, { kind: 'spooled' }>): FileBytes {
    return new FileBytes(location, location.fd, location.size, false);
  }

  /** An open file without a name, which is closed with this. */
  static spooled(name: string, fd: number, size: number): FileBytes {
    return new FileBytes({ kind: 'spooled', name, fd, size }, fd, size, true);
  }

  read(target: Buffer, position: number): Buffer {
    // Its descriptor may be another file's by now.
    if (this.#closed) throw new WebDatasetError('WDS_CLOSED', 'the shard is closed', { shard: this.name });
    let filled = 0;
    while (filled < target.length) {
      const count = guarded(this.name, 'read', () => readSync(this.#fd, target, filled, target.length - filled, position + filled));
      if (count === 0) break;
      filled += count;
    }
    return target.subarray(0, filled);
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (this.#ownsDescriptor && !this.#closed) closeSync(this.#fd);
    this.#closed = true;
    return Promise.resolve();
  }
}

/** Calls the file system; its refusal becomes `WDS_READ`. */
export function guarded<T>(name: string, verb: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw refusal(name, verb, error);
  }
}

/** `WDS_READ` for what the file system refused. */
export function refusal(name: string, verb: string, error: unknown): WebDatasetError {
  return new WebDatasetError('WDS_READ', `cannot ${verb} the shard: ${reasonOf(error)}`, { shard: name, cause: error });
}
