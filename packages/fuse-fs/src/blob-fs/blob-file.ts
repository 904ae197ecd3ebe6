import { BlobError } from '@warpforge/blob-backend';
import type { CachedFile, ThreadView } from '@warpforge/block-cache';
import type { OpenFile, RequestContext } from '../file-system.ts';
import { failed } from './errno.ts';
import type { FileNode } from './inodes.ts';

/** One version of a blob, open for reading through the cache. */
export class BlobFile implements OpenFile {
  /** An inode number stands for one version, so what the kernel keeps of it is right for ever. */
  readonly keepCache = true;
  readonly size: number;
  readonly #node: FileNode;
  readonly #cached: CachedFile;
  readonly #passthrough: boolean;
  readonly #outdated: () => void;

  /**
   * @param passthrough whether the kernel may get the cache file.
   * @param outdated called when the store says that it has no such version any more.
   */
  constructor(node: FileNode, cached: CachedFile, passthrough: boolean, outdated: () => void) {
    this.size = node.blob.size;
    this.#node = node;
    this.#cached = cached;
    this.#passthrough = passthrough;
    this.#outdated = outdated;
  }

  async read(offset: number, length: number, context: RequestContext): Promise<Uint8Array> {
    try {
      return await this.#cached.read(offset, length, { signal: context.signal });
    } catch (error) {
      const isGone = error instanceof BlobError && (error.code === 'BLOB_CHANGED' || error.code === 'BLOB_NOT_FOUND');
      if (!isGone) throw failed(error, this.#node.path);
      this.#outdated();
      // A blob that was deleted while open is a version that is no longer there, not a missing path.
      throw failed(error, this.#node.path, 'ESTALE');
    }
  }

  async passthroughFd(): Promise<number | undefined> {
    return this.#passthrough ? this.#cached.passthroughFd() : undefined;
  }

  threadView(): ThreadView | undefined {
    return this.#cached.threadView();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cached[Symbol.asyncDispose]();
  }
}
