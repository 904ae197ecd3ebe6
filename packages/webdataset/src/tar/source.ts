import { type FileHandle, open } from 'node:fs/promises';
import { reasonOf, WebDatasetError } from '../errors.ts';

/** The bytes of one archive. */
export interface TarSource extends AsyncDisposable {
  /** Length in bytes. */
  readonly size: number;
  /** Bytes from `position` on, as many as suit the source; short only at the end. */
  window(position: number): Promise<Buffer>;
  /** Exactly `length` bytes from `position`, in a buffer of their own. */
  read(position: number, length: number): Promise<Buffer>;
}

/** Bytes read at once; large enough for full speed from a disk or a network file system, small enough to start early. */
const WINDOW_BYTES = 4 * 1024 * 1024;

/** An archive in memory: one window, no copies. */
export class MemorySource implements TarSource {
  readonly size: number;
  readonly #bytes: Buffer;

  constructor({ buffer, byteOffset, byteLength }: Uint8Array) {
    this.#bytes = Buffer.from(buffer, byteOffset, byteLength);
    this.size = byteLength;
  }

  window(position: number): Promise<Buffer> {
    return Promise.resolve(this.#bytes.subarray(position));
  }

  read(position: number, length: number): Promise<Buffer> {
    return Promise.resolve(this.#bytes.subarray(position, position + length));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Nothing to close.
  }
}

/** An archive in a file. */
export class FileSource implements TarSource {
  readonly size: number;
  readonly #path: string;
  readonly #file: FileHandle;
  /** The one window of a source whose windows are not kept. */
  readonly #reused: Buffer | undefined;

  private constructor(path: string, file: FileHandle, size: number, keepsWindows: boolean) {
    this.#path = path;
    this.#file = file;
    this.size = size;
    this.#reused = keepsWindows ? undefined : Buffer.allocUnsafeSlow(WINDOW_BYTES);
  }

  /**
   * @param keepsWindows true when a window must stay valid after the next one was asked for
   * @throws {@link WebDatasetError} `WDS_READ`
   */
  static async open(path: string, keepsWindows: boolean): Promise<FileSource> {
    const file = await guarded('open', path, () => open(path, 'r'));
    try {
      const { size } = await guarded('examine', path, () => file.stat());
      return new FileSource(path, file, size, keepsWindows);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  window(position: number): Promise<Buffer> {
    const length = Math.max(0, Math.min(WINDOW_BYTES, this.size - position));
    return this.#fill(this.#reused?.subarray(0, length) ?? Buffer.allocUnsafeSlow(length), position);
  }

  read(position: number, length: number): Promise<Buffer> {
    return this.#fill(Buffer.allocUnsafeSlow(length), position);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  async #fill(target: Buffer, position: number): Promise<Buffer> {
    for (let filled = 0; filled < target.length;) {
      const { bytesRead } = await guarded('read', this.#path, () =>
        this.#file.read(target, filled, target.length - filled, position + filled),
      );
      if (bytesRead === 0) {
        throw new WebDatasetError('WDS_TRUNCATED', 'the shard became shorter while it was read', {
          shard: this.#path,
          offset: position + filled,
        });
      }
      filled += bytesRead;
    }
    return target;
  }
}

async function guarded<T>(verb: string, path: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw new WebDatasetError('WDS_READ', `cannot ${verb} the shard: ${reasonOf(error)}`, { shard: path, cause: error });
  }
}
