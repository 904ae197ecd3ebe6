import { once } from 'node:events';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip, createZstdCompress } from 'node:zlib';
import { reasonOf, WebDatasetError } from './errors.ts';
import { temporaryName } from './temporary-files.ts';

/** Bytes collected before they are written: large enough for few system calls, small against a shard. */
const WRITE_BUFFER_BYTES = 4 * 1024 * 1024;

/** A compression that a file name can ask for. */
type NamedCompression = 'gzip' | 'zstd';

/** The compression that a file name asks for. */
export function compressionByName(name: string): NamedCompression | undefined {
  if (/\.(tgz|tar\.gz)$/.test(name)) return 'gzip';
  return name.endsWith('.tar.zst') ? 'zstd' : undefined;
}

/**
 * One shard being written, under a temporary name. {@link commit} gives it its name, which replaces an older shard; without that, it
 * is removed at the end.
 *
 * A shard and its index change one after the other, so {@link commit} takes three steps: the old index goes, the new shard comes, the
 * new index comes. Whenever a process is killed between them, a reader finds the old pair, a shard without an index, or the new
 * pair, and never an index beside a shard that it was not made for.
 */
export class ShardOutput implements AsyncDisposable {
  readonly path: string;
  readonly #indexPath: string;
  readonly #temporaryPath: string;
  readonly #temporaryIndexPath: string;
  readonly #file: FileHandle;
  readonly #fsync: boolean;
  readonly #compressor: CompressingFile | undefined;
  readonly #buffer: Buffer;
  #buffered = 0;

  private constructor(
    path: string,
    paths: { readonly index: string; readonly temporary: string; readonly temporaryIndex: string },
    file: FileHandle,
    fsync: boolean,
    buffer: Buffer,
  ) {
    this.path = path;
    this.#indexPath = paths.index;
    this.#temporaryPath = paths.temporary;
    this.#temporaryIndexPath = paths.temporaryIndex;
    this.#file = file;
    this.#fsync = fsync;
    const compression = compressionByName(path);
    this.#compressor = compression && new CompressingFile(file, compression);
    this.#buffer = buffer;
  }

  /** Memory to collect bytes in, for one output after the other. */
  static makeBuffer(): Buffer {
    return Buffer.allocUnsafeSlow(WRITE_BUFFER_BYTES);
  }

  /**
   * @param path of the complete shard; a suffix such as `.tar.gz` or `.tar.zst` compresses it
   * @param indexPath of its index; an old one is removed even if no new one comes
   * @throws {@link WebDatasetError} `WDS_WRITE`
   */
  static async open(path: string, indexPath: string, options: { readonly fsync: boolean; readonly buffer: Buffer }): Promise<ShardOutput> {
    const folder = dirname(path);
    const temporary = join(folder, await temporaryName(basename(path)));
    const temporaryIndex = join(folder, await temporaryName(basename(indexPath)));
    const file = await guarded(path, () => open(temporary, 'wx'));
    return new ShardOutput(path, { index: indexPath, temporary, temporaryIndex }, file, options.fsync, options.buffer);
  }

  /** Adds bytes, which may change as soon as this has returned. */
  async append(bytes: Uint8Array): Promise<void> {
    if (this.#buffered + bytes.length > this.#buffer.length) await this.#flush();
    if (bytes.length > this.#buffer.length) {
      await this.#write(bytes);
      return;
    }
    this.#buffer.set(bytes, this.#buffered);
    this.#buffered += bytes.length;
  }

  /**
   * Completes the shard and gives it its name.
   *
   * @param index text of its index, if it gets one
   * @throws {@link WebDatasetError} `WDS_WRITE`
   */
  async commit(index: string | undefined): Promise<void> {
    await this.#flush();
    await guarded(this.path, async () => {
      await this.#compressor?.end();
      if (this.#fsync) await this.#file.sync();
      await this.#file.close();
      if (index !== undefined) await this.#writeIndex(index);
      await rm(this.#indexPath, { force: true });
      await rename(this.#temporaryPath, this.path);
      if (index !== undefined) {
        // The journal keeps the order of the steps before; the index must not come before the shard is on the disk.
        if (this.#fsync) await syncFolder(dirname(this.path));
        await rename(this.#temporaryIndexPath, this.#indexPath);
      }
      if (this.#fsync) await syncFolder(dirname(this.path));
    });
  }

  /** Removes what was not committed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#compressor?.destroy();
    await this.#file.close();
    await rm(this.#temporaryPath, { force: true });
    await rm(this.#temporaryIndexPath, { force: true });
  }

  async #flush(): Promise<void> {
    const bytes = this.#buffer.subarray(0, this.#buffered);
    this.#buffered = 0;
    await this.#write(bytes);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (bytes.length > 0) await guarded(this.path, () => this.#compressor?.write(bytes) ?? this.#file.writeFile(bytes));
  }

  async #writeIndex(text: string): Promise<void> {
    await using file = await open(this.#temporaryIndexPath, 'wx');
    await file.writeFile(text);
    if (this.#fsync) await file.sync();
  }
}

/** Compresses what goes into a file. */
class CompressingFile {
  readonly #compressor: Transform;
  readonly #written: Promise<void>;

  constructor(file: FileHandle, compression: NamedCompression) {
    this.#compressor = compression === 'gzip' ? createGzip() : createZstdCompress();
    this.#written = pipeline(this.#compressor, async (chunks: AsyncIterable<Buffer>) => {
      for await (const chunk of chunks) await file.writeFile(chunk);
    });
    // Whoever writes next, or ends, is told.
    this.#written.catch(() => undefined);
  }

  /** Returns when the bytes are compressed: their memory may be used again. */
  async write(bytes: Uint8Array): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    this.#compressor.write(bytes, (error) => {
      if (error) reject(error);
      else resolve(undefined);
    });
    // The compressor only says that it was destroyed; what the file said is the cause.
    await promise.catch((error: unknown) => this.#written.then(() => Promise.reject(error as Error)));
  }

  async end(): Promise<void> {
    this.#compressor.end();
    await this.#written;
  }

  async destroy(): Promise<void> {
    if (this.#compressor.closed) return;
    const closed = once(this.#compressor, 'close');
    this.#compressor.destroy();
    await closed;
    await this.#written.catch(() => undefined);
  }
}

async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, 'r');
  await folder.sync();
}

async function guarded<T>(shard: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw new WebDatasetError('WDS_WRITE', `cannot write the shard: ${reasonOf(error)}`, { shard, cause: error });
  }
}
