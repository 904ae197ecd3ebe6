/**
 * What a cache can refuse, as stable codes.
 *
 * - `CACHE_LOCKED`: another process owns the directory.
 * - `CACHE_DIRECTORY`: the path can't be a cache directory (a file, a loop of links, a name too long).
 * - `CACHE_OPTION`: an option is out of its limits.
 * - `CACHE_CLOSED`: the cache or the handle was disposed.
 * - `CACHE_FULL`: a warm-up would have to evict what it has just brought.
 * - `CACHE_INCOMPLETE`: a warmed file is not completely on disk afterwards.
 */
export type CacheErrorCode = 'CACHE_LOCKED' | 'CACHE_DIRECTORY' | 'CACHE_OPTION' | 'CACHE_CLOSED' | 'CACHE_FULL' | 'CACHE_INCOMPLETE';

/** A refusal of the cache itself; failures of the network are `BlobError`s, failures of the disk never reach a reader. */
export class CacheError extends Error {
  override readonly name: string = 'CacheError';
  readonly code: CacheErrorCode;

  constructor(code: CacheErrorCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** Who holds a cache directory. Fields are undefined where the owner could not write them down. */
export interface LockOwner {
  readonly pid: number | undefined;
  readonly host: string | undefined;
}

/** Another process (or another cache in this one) owns the directory. */
export class CacheLockedError extends CacheError {
  override readonly name = 'CacheLockedError';
  readonly directory: string;
  readonly owner: LockOwner;

  constructor(directory: string, owner: LockOwner) {
    const who = owner.pid === undefined ? 'another process' : `process ${owner.pid}${owner.host === undefined ? '' : ` on ${owner.host}`}`;
    super(
      'CACHE_LOCKED',
      `cache directory ${directory} is in use by ${who}; stop it, talk to it through its socket, or choose another directory`,
    );
    this.directory = directory;
    this.owner = owner;
  }
}
