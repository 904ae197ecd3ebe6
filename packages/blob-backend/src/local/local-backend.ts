import { constants, type BigIntStats } from 'node:fs';
import { lstat, open, realpath, stat, type FileHandle } from 'node:fs/promises';
import { join, sep } from 'node:path';
import type { BlobBackend, BlobProperties, ListOptions, ListPage, ReadOptions } from '../backend.ts';
import { BlobError } from '../errors.ts';
import { assertRange, blobChanged, blobNotFound } from '../failures.ts';
import { hasPlainParent, isFileName, orIfMissing, systemCode, walkFolder, type FolderEntry } from './folder-walk.ts';

/** Which folder to serve. */
export interface LocalBackendOptions {
  readonly name: string;
  /** The folder; a relative one is taken from the working directory. */
  readonly path: string;
}

const DEFAULT_PAGE_SIZE = 1000;

/** Enough to keep the four threads of the file system pool busy. */
const PARALLEL_STATS = 16;

/** A quarter of a megabyte makes the cost of a round trip to the pool small, and 32 reads at once still take 8 MiB. */
const PIECE_BYTES = 256 * 1024;

/**
 * A folder as an object store: its files are the blobs, their relative paths the names.
 *
 * - The ETag is made of the time of the last change (ns), the size and the inode. A program that rewrites a file in place and sets all
 *   of them back is not noticed; one that replaces the file is.
 * - A symbolic link to a file inside the folder is served as that file. Links that lead out, links to folders, devices, sockets and pipes
 *   are ignored. Files whose names are not UTF-8 are ignored as well.
 * - A folder without any file below it does not exist, as in an object store.
 */
export class LocalBackend implements BlobBackend {
  readonly name: string;
  readonly #path: string;

  constructor({ name, path }: LocalBackendOptions) {
    this.name = name;
    this.#path = path;
  }

  async *list({ prefix, delimiter, pageSize = DEFAULT_PAGE_SIZE, marker, signal }: ListOptions): AsyncGenerator<ListPage, void> {
    signal?.throwIfAborted();
    const root = await this.#root();
    let entries: FolderEntry[] = [];
    try {
      for await (const entry of walkFolder({ root, prefix, recursive: delimiter === undefined, after: marker, signal })) {
        const last = entries.at(-1);
        if (last !== undefined && entries.length >= pageSize) {
          yield { ...(await this.#page(root, entries)), nextMarker: last.path };
          signal?.throwIfAborted();
          entries = [];
        }
        entries.push(entry);
      }
      if (entries.length > 0) yield await this.#page(root, entries);
    } catch (error) {
      throw this.#failure(error, prefix, signal);
    }
  }

  /** What of these entries is really there. */
  async #page(root: string, entries: readonly FolderEntry[]): Promise<ListPage> {
    const blobs: BlobProperties[] = [];
    const prefixes: string[] = [];
    for (let from = 0; from < entries.length; from += PARALLEL_STATS) {
      const group = entries.slice(from, from + PARALLEL_STATS).map(async ({ path, kind }) => {
        if (kind === 'folder') return (await holdsFile(root, path)) ? path : undefined;
        const file = await findFile(root, path);
        return file === undefined ? undefined : propertiesOf(path, file.stats);
      });
      for (const found of await Promise.all(group)) {
        if (typeof found === 'string') prefixes.push(found);
        else if (found !== undefined) blobs.push(found);
      }
    }
    return { blobs, prefixes };
  }

  async stat(path: string, { signal }: { readonly signal?: AbortSignal | undefined } = {}): Promise<BlobProperties> {
    signal?.throwIfAborted();
    try {
      return propertiesOf(path, (await this.#find(path)).stats);
    } catch (error) {
      throw this.#failure(error, path, signal);
    } finally {
      signal?.throwIfAborted();
    }
  }

  async *read(path: string, options: ReadOptions): AsyncGenerator<Uint8Array, void> {
    const { offset, length, ifMatch, signal } = options;
    signal?.throwIfAborted();
    try {
      await using handle = await openFile((await this.#find(path)).fullPath);
      const { etag, size } = propertiesOf(path, await handle.stat({ bigint: true }));
      if (ifMatch !== undefined && etag !== ifMatch) throw blobChanged(this.name, path);
      assertRange(this.name, path, options, size);
      const end = offset + length;
      for (let position = offset; position < end;) {
        signal?.throwIfAborted();
        const piece = new Uint8Array(Math.min(PIECE_BYTES, end - position));
        const { bytesRead } = await handle.read(piece, 0, piece.length, position);
        signal?.throwIfAborted();
        if (bytesRead === 0) throw blobChanged(this.name, path);
        position += bytesRead;
        // The last piece is held back until it is known that no piece was of another version.
        if (position === end && propertiesOf(path, await handle.stat({ bigint: true })).etag !== etag) throw blobChanged(this.name, path);
        yield piece.subarray(0, bytesRead);
      }
    } catch (error) {
      throw this.#failure(error, path, signal);
    }
  }

  async #find(path: string): Promise<FoundFile> {
    const root = await this.#root();
    const isName = isFileName(path.slice(path.lastIndexOf('/') + 1)) && (await hasPlainParent(root, path));
    const found = isName ? await findFile(root, path) : undefined;
    if (found === undefined) throw blobNotFound(this.name, path);
    return found;
  }

  async #root(): Promise<string> {
    try {
      const root = await realpath(this.#path);
      if ((await stat(root)).isDirectory()) return root;
    } catch (cause) {
      if (systemCode(cause) !== 'ENOENT') throw this.#failure(cause, '', undefined);
    }
    throw new BlobError('BLOB_CONTAINER_NOT_FOUND', 'not_found', this.name, `there is no folder ${this.#path}`);
  }

  #failure(error: unknown, path: string, signal: AbortSignal | undefined): unknown {
    if (error instanceof BlobError) return error;
    if (signal?.aborted === true) return signal.reason;
    const code = systemCode(error) ?? String(error);
    const where = join(this.#path, path);
    if (code === 'EACCES' || code === 'EPERM') {
      const message = `this user may not read ${where} (${code}); check its owner and mode`;
      return new BlobError('BLOB_ACCESS_DENIED', 'denied', this.name, message, { cause: error });
    }
    return new BlobError('BLOB_SERVICE', 'service', this.name, `reading ${where} failed (${code})`, { cause: error });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }
}

interface FoundFile {
  /** Path of the file itself, no link. */
  readonly fullPath: string;
  readonly stats: BigIntStats;
}

/** The regular file of this name, or the one inside the root that a link of this name leads to. */
async function findFile(root: string, path: string): Promise<FoundFile | undefined> {
  const fullPath = join(root, path);
  const stats = await orIfMissing(lstat(fullPath, { bigint: true }), undefined);
  if (stats?.isSymbolicLink() !== true) return stats?.isFile() === true ? { fullPath, stats } : undefined;
  const target = await orIfMissing(realpath(fullPath), undefined);
  if (target?.startsWith(root + sep) !== true) return undefined;
  const targetStats = await orIfMissing(lstat(target, { bigint: true }), undefined);
  return targetStats?.isFile() === true ? { fullPath: target, stats: targetStats } : undefined;
}

async function holdsFile(root: string, folder: string): Promise<boolean> {
  for await (const { path } of walkFolder({ root, prefix: folder, recursive: true })) {
    if ((await findFile(root, path)) !== undefined) return true;
  }
  return false;
}

/** Opens a regular file; should a link or pipe have taken its place since, neither follows the one nor waits for the other. */
function openFile(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
}

function propertiesOf(path: string, { mtimeNs, size, ino }: BigIntStats): BlobProperties {
  return {
    path,
    size: Number(size),
    etag: `"${mtimeNs.toString(16)}-${size.toString(16)}-${ino.toString(16)}"`,
    lastModifiedMs: Number(mtimeNs / 1_000_000n),
  };
}
