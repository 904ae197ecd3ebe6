import { FileSystemError, type DirectoryEntry, type Entry, type OpenDirectory } from '../file-system.ts';
import { failed, isContainerMissing } from './errno.ts';
import type { DirectoryNode } from './inodes.ts';
import { DROPPED, type Listing } from './listing.ts';
import type { ListedEntry } from './shadowing.ts';

/** Entries that one call hands out: more than fit in any reply that the kernel asks for at a time is a copy for nothing. */
const MAX_ENTRIES = 4096;

/** What an open directory needs of its file system. */
export interface DirectoryHooks {
  /** Begins another listing of the same directory, for this handle alone. */
  readonly relist: () => Listing;
  readonly inodeOf: (entry: ListedEntry) => number;
  /** Takes a reference; `listing` says how old the entry is. */
  readonly take: (entry: ListedEntry, listing: Listing) => Entry;
}

/** A directory that is open for reading its names. */
export class BlobDirectory implements OpenDirectory {
  readonly cacheable = true;
  readonly keepCache: boolean;
  readonly #directory: DirectoryNode;
  readonly #hooks: DirectoryHooks;
  #listing: Listing;

  /** @param keepCache whether the listing was there before this handle, so that what the kernel kept comes from it. */
  constructor(directory: DirectoryNode, listing: Listing, keepCache: boolean, hooks: DirectoryHooks) {
    this.#directory = directory;
    this.#listing = listing;
    this.keepCache = keepCache;
    this.#hooks = hooks;
  }

  async read(position: number): Promise<readonly DirectoryEntry[]> {
    const entries = await this.#readListing(position);
    const listing = this.#listing;
    return entries.map((entry) => ({
      name: entry.name,
      kind: entry.blob === undefined ? 'directory' : 'file',
      inode: this.#hooks.inodeOf(entry),
      entry: () => this.#hooks.take(entry, listing),
    }));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  async #readListing(position: number): Promise<readonly ListedEntry[]> {
    try {
      let entries = await this.#listing.read(position, MAX_ENTRIES);
      if (entries !== DROPPED) return entries;
      // Someone went back in a directory that is too large to be kept, or was overtaken by another reader of it: list it again.
      this.#listing = this.#hooks.relist();
      entries = await this.#listing.read(position, MAX_ENTRIES);
      if (entries !== DROPPED) return entries;
      throw new FileSystemError('EIO', `${this.#directory.path}/: position ${position} of the listing was lost`);
    } catch (error) {
      // The C library takes ENOENT of a listing for its end: a missing container would look like an empty one.
      throw failed(error, `${this.#directory.path}/`, isContainerMissing(error) ? 'EIO' : undefined);
    }
  }
}
