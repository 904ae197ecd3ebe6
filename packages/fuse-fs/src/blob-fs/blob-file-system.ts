import { setMaxListeners } from 'node:events';
import { performance } from 'node:perf_hooks';
import type { BlockCache } from '@warpforge/block-cache';
import {
  FileSystemError,
  type Attributes,
  type Entry,
  type FileSystem,
  type FileSystemStatistics,
  type InodeNumber,
  type MissingEntry,
  type OpenDirectory,
  type OpenFile,
  type RequestContext,
} from '../file-system.ts';
import { BlobDirectory } from './blob-directory.ts';
import { BlobFile } from './blob-file.ts';
import { failed } from './errno.ts';
import { Freshness } from './freshness.ts';
import { HiddenNames, MAX_NAME_BYTES } from './hidden-names.ts';
import { Inodes, type DirectoryNode, type FileNode, type Node } from './inodes.ts';
import { Listings } from './listings.ts';
import { buildNamespace, type BlobMount } from './namespace.ts';
import { Resolver } from './resolver.ts';

const DEFAULT_STALE_TTL_MS = 60_000;
const DEFAULT_STALE_IF_ERROR_MS = 24 * 60 * 60 * 1000;
const FILE_PERMISSIONS = 0o444;
const DIRECTORY_PERMISSIONS = 0o555;
/** Directories of an object store have no time of their own; the start of this process is as good as any, and does not move. */
const DIRECTORY_TIME_MS = Math.floor(performance.timeOrigin);

/**
 * What `df` shows: 1 PiB, all of it free. An object store has no size, and programs that watch for full disks must not take a read-only
 * container for one.
 */
const STATISTICS: FileSystemStatistics = {
  blockSize: 4096,
  blocks: 2 ** 38,
  freeBlocks: 2 ** 38,
  files: 2 ** 32,
  freeFiles: 2 ** 32,
  nameLength: MAX_NAME_BYTES,
};

/** How to show blobs as files. */
export interface BlobFileSystemOptions {
  readonly mounts: readonly BlobMount[];
  /** Not closed with the file system. */
  readonly cache: BlockCache;
  /** How long names, listings and versions are taken without asking the store again, in milliseconds. Default: 60,000. */
  readonly staleTtlMs?: number;
  /**
   * How long the last known answer stands in when the store can't be asked (for any reason but 404, 401 and 403), in milliseconds.
   * 0: not at all. Default: 24 hours.
   */
  readonly staleIfErrorMs?: number;
  /** Owner of all files. Default: the user of this process. */
  readonly uid?: number;
  readonly gid?: number;
  /** Permission bits that are taken away from 0444 and 0555. Default: 0. */
  readonly umask?: number;
  /** Whether complete cached files may be handed to the kernel. Default: true. */
  readonly passthrough?: boolean;
  /** Clock in milliseconds for the age of answers. Default: `performance.now`, which no change of the system's time moves. */
  readonly now?: () => number;
}

/** A read-only file system that shows the blobs of several containers as files, read through a block cache. */
export class BlobFileSystem implements FileSystem, AsyncDisposable {
  readonly #cache: BlockCache;
  readonly #freshness: Freshness;
  readonly #inodes: Inodes;
  readonly #listings: Listings;
  readonly #resolver: Resolver;
  readonly #hidden = new HiddenNames();
  readonly #closing = new AbortController();
  readonly #uid: number;
  readonly #gid: number;
  readonly #umask: number;
  readonly #passthrough: boolean;

  /** @throws {TypeError} for mount paths that can't be. */
  constructor({
    mounts,
    cache,
    staleTtlMs = DEFAULT_STALE_TTL_MS,
    staleIfErrorMs = DEFAULT_STALE_IF_ERROR_MS,
    uid = process.getuid?.() ?? 0,
    gid = process.getgid?.() ?? 0,
    umask = 0,
    passthrough = true,
    now = () => performance.now(),
  }: BlobFileSystemOptions) {
    this.#cache = cache;
    // One signal for all requests: Node.js would take that many listeners for a leak.
    setMaxListeners(0, this.#closing.signal);
    this.#freshness = new Freshness(staleTtlMs, staleIfErrorMs, now);
    this.#inodes = new Inodes(buildNamespace(mounts));
    this.#listings = new Listings(this.#freshness, this.#hidden, this.#closing.signal);
    this.#resolver = new Resolver(this.#freshness, this.#listings, this.#closing.signal);
    this.#uid = uid;
    this.#gid = gid;
    this.#umask = umask;
    this.#passthrough = passthrough;
  }

  /** Inodes that the kernel refers to at present. */
  get inodes(): number {
    return this.#inodes.size;
  }

  /** Blobs that were met and that no path leads to, as `backend:path`; at most 1,000. */
  get hiddenNames(): readonly string[] {
    return this.#hidden.list();
  }

  async lookup(parent: InodeNumber, name: string, context: RequestContext): Promise<Entry | MissingEntry> {
    const directory = this.#directory(parent);
    const { meaning, validMs } = await this.#resolver.resolve(directory, name, context);
    switch (meaning.kind) {
      case 'absent':
        return { validMs };
      case 'directory':
        return this.#entry(this.#inodes.takeDirectory(directory, name), validMs);
      case 'file':
        return this.#entry(this.#inodes.takeFile(directory, name, meaning.source, meaning.blob), validMs);
    }
  }

  forget(inode: InodeNumber, count: number): void {
    this.#inodes.forget(inode, count);
  }

  attributes(inode: InodeNumber): Entry {
    return this.#entry(this.#node(inode), this.#freshness.staleTtlMs);
  }

  async openFile(inode: InodeNumber, context: RequestContext): Promise<OpenFile> {
    const node = this.#node(inode);
    if (node.kind !== 'file') throw new FileSystemError('EISDIR', node.path);
    if (!(await this.#resolver.isCurrent(node, context))) {
      throw new FileSystemError('ESTALE', `${node.path}: there is a newer version`);
    }
    try {
      const cached = await this.#cache.openFile(node.source.backend, node.blob);
      return new BlobFile(node, cached, this.#passthrough, () => this.#resolver.expire(node));
    } catch (error) {
      throw failed(error, node.path);
    }
  }

  openDirectory(inode: InodeNumber): OpenDirectory {
    const directory = this.#directory(inode);
    const fresh = this.#listings.fresh(directory);
    return new BlobDirectory(directory, fresh ?? this.#listings.begin(directory), fresh !== undefined, {
      relist: () => this.#listings.create(directory),
      inodeOf: ({ name, blob }) => this.#inodes.numberOf(directory, name, blob),
      take: ({ name, blob }, { startedAt }) => {
        const { source } = directory;
        const isFile = blob !== undefined && source !== undefined;
        const node = isFile ? this.#inodes.takeFile(directory, name, source, blob) : this.#inodes.takeDirectory(directory, name);
        return this.#entry(node, this.#freshness.remaining(startedAt));
      },
    });
  }

  statistics(): FileSystemStatistics {
    return STATISTICS;
  }

  /** Ends all requests for names and listings. Open files are closed by whoever opened them. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new FileSystemError('EIO', 'the file system is closed'));
    return Promise.resolve();
  }

  #node(inode: InodeNumber): Node {
    const node = this.#inodes.get(inode);
    if (node === undefined) throw new FileSystemError('ESTALE', `inode ${inode} is not known`);
    return node;
  }

  #directory(inode: InodeNumber): DirectoryNode {
    const node = this.#node(inode);
    if (node.kind !== 'directory') throw new FileSystemError('ENOTDIR', node.path);
    return node;
  }

  #entry(node: Node, validMs: number): Entry {
    return { attributes: node.kind === 'file' ? this.#fileAttributes(node) : this.#directoryAttributes(node), validMs };
  }

  #fileAttributes({ inode, blob }: FileNode): Attributes {
    return this.#attributes(inode, 'file', FILE_PERMISSIONS, blob.size, blob.lastModifiedMs);
  }

  #directoryAttributes({ inode }: DirectoryNode): Attributes {
    return this.#attributes(inode, 'directory', DIRECTORY_PERMISSIONS, 0, DIRECTORY_TIME_MS);
  }

  #attributes(inode: InodeNumber, kind: Attributes['kind'], permissions: number, size: number, modifiedMs: number): Attributes {
    return { inode, kind, permissions: permissions & ~this.#umask, size, modifiedMs, uid: this.#uid, gid: this.#gid };
  }
}
