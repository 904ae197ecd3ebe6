import type { BlobBackend, BlobProperties } from '@warpforge/blob-backend';
import { fstatSync } from 'node:fs';

import type { CachedVersion } from './cached-version.ts';
import type { Counters } from './counters.ts';
import type { DiskHealth } from './disk-health.ts';
import { CacheError } from './errors.ts';
import { CHUNK_BYTES } from './geometry.ts';
import type { PooledFile } from './open-files.ts';
import type { RangeFetch } from './range-fetch.ts';
import { Readahead } from './readahead.ts';
import { CURSOR_REACHED, CURSOR_TRIGGER, type ThreadView } from './thread-view.ts';

/** An open waits for at most this much verification, which takes about 50 ms; more goes on in the background. */
const VERIFY_AT_OPEN_BYTES = 64 * 1024 * 1024;

/** A handle on one version of a blob. Many handles share the version's files, maps and requests. */
export interface CachedFile extends AsyncDisposable {
  readonly blob: BlobProperties;
  /**
   * Reads `length` bytes at `offset`, from disk or network; fewer only at the end of the blob. The array may be a view of a larger
   * buffer and belongs to the caller.
   *
   * Rejects with the `BlobError` of the network (`BLOB_CHANGED` when the store has another version), with the signal's reason, or with
   * `CACHE_CLOSED`; never because of the disk.
   */
  read(offset: number, length: number, options?: { readonly signal?: AbortSignal | undefined }): Promise<Uint8Array>;
  /**
   * Descriptor of the cache file for the kernel, once every byte is on disk and verified. Before it resolves, the file is marked on
   * disk as passed. Valid until the handle is disposed. Undefined: not complete, empty, or more than 64 MiB wait for verification
   * (which then goes on in the background, so that a later call succeeds).
   */
  passthroughFd(): Promise<number | undefined>;
  /**
   * What a worker thread needs for `readVerified`, also for a file of which nothing is cached yet. Valid until the handle is disposed.
   * Undefined for an empty blob, and when the disk can't be used.
   */
  threadView(): ThreadView | undefined;
}

/** A version with its maps, kept loaded for one user. */
export interface VersionLease {
  readonly version: CachedVersion;
  /** Another lease on the same version. */
  renew(): VersionLease;
  /** Notes that the file is going to the kernel, ahead of writing that down. */
  willPass(): void;
  release(): void;
}

/** What a handle needs from its cache. */
export interface FileContext {
  readonly counters: Counters;
  readonly health: DiskHealth;
  readonly readaheadBlocks: number;
  readonly now: () => number;
  /** The version anew, after its files were removed as damaged. */
  readonly reopen: () => Promise<VersionLease>;
  readonly verifyInBackground: (lease: VersionLease) => void;
  /** The handle is disposed and its last read is over. */
  readonly onReleased: () => void;
}

/** The handle that `BlockCache.openFile` returns. */
export class FileHandle implements CachedFile {
  readonly blob: BlobProperties;
  readonly #backend: BlobBackend;
  readonly #context: FileContext;
  readonly #readahead: Readahead;
  readonly #cursor = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT);
  readonly #cursorWords = new Int32Array(this.#cursor);
  /** Descriptors given out, kept open until the end. */
  readonly #pinned = new Map<PooledFile, number>();
  /** Leases of versions that were replaced: their maps and descriptors may still be in use by views. */
  readonly #oldLeases: VersionLease[] = [];
  /** Requests ahead of the reader, and the byte up to which they were started. */
  readonly #prefetches = new Map<RangeFetch, () => void>();
  #prefetchedFrom = 0;
  #prefetchedUntil = 0;
  #lease: VersionLease;
  #passed = false;
  /** Reads under way. */
  #reading = 0;
  #readsEnded: PromiseWithResolvers<undefined> | undefined;
  #reopening: Promise<VersionLease> | undefined;
  #disposed = false;

  constructor(backend: BlobBackend, blob: BlobProperties, lease: VersionLease, context: FileContext) {
    this.blob = blob;
    this.#backend = backend;
    this.#lease = lease;
    this.#context = context;
    const { blockSize } = lease.version.geometry;
    this.#readahead = new Readahead(blob.size, blockSize, context.readaheadBlocks);
    this.#cursorWords.fill(-1);
  }

  async read(offset: number, length: number, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<Uint8Array> {
    if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length) || offset < 0 || length < 0) {
      throw new RangeError(`read of ${length} bytes at ${offset}: both must be whole numbers from 0`);
    }
    this.#assertOpen();
    options.signal?.throwIfAborted();
    const end = Math.min(offset + length, this.blob.size);
    if (end <= offset) return new Uint8Array(0);
    return this.#use((version) => this.#read(version, offset, end, options.signal));
  }

  #read(version: CachedVersion, offset: number, end: number, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const reached = Atomics.load(this.#cursorWords, CURSOR_REACHED);
    const step = this.#readahead.onRead(offset, end, reached < 0 ? undefined : (reached + 1) * CHUNK_BYTES);
    if (step.abandoned) this.#dropPrefetches();
    // What can't be kept on disk is not fetched ahead: it would be gone before its reader comes.
    const ahead = this.#context.health.writable && step.until > end ? step.until : 0;
    const from = version.isMissing(version.geometry.chunkAt(end - 1)) ? end : Math.max(end, this.#prefetchedUntil);
    const reading = version.read({ backend: this.#backend, offset, end, until: ahead, signal });
    if (ahead > from && !this.#disposed) this.#prefetch(version, from, ahead);
    Atomics.store(this.#cursorWords, CURSOR_TRIGGER, step.trigger === undefined ? -1 : Math.floor(step.trigger / CHUNK_BYTES));
    return reading;
  }

  async passthroughFd(): Promise<number | undefined> {
    this.#assertOpen();
    return this.#use((version) => this.#passThrough(version));
  }

  async #passThrough(version: CachedVersion): Promise<number | undefined> {
    const { map, file } = version.stored;
    if (!map.complete || this.blob.size === 0) return undefined;
    if (map.unverifiedBytes > VERIFY_AT_OPEN_BYTES) {
      this.#context.verifyInBackground(this.#lease);
      return undefined;
    }
    try {
      await version.verify(0, version.geometry.chunks);
      if (!this.#isVerified(version)) return undefined;
      const fd = this.#pin(file);
      // A file that someone lengthened would show its extra bytes through the kernel.
      if (fstatSync(fd).size !== this.blob.size) return undefined;
      this.#lease.willPass();
      await version.stored.markPassed();
      if (!this.#isVerified(version)) return undefined;
      this.#passed = true;
      this.#touchAll();
      return fd;
    } catch (error) {
      this.#context.health.report('read', `cache file of ${this.blob.path} can't be handed to the kernel`, error);
      return undefined;
    }
  }

  threadView(): ThreadView | undefined {
    this.#assertOpen();
    const { stored } = this.#lease.version;
    const { health } = this.#context;
    if (stored.removed || this.blob.size === 0 || !(stored.onDisk || health.writable)) return undefined;
    let fd: number;
    try {
      stored.create();
      fd = this.#pin(stored.file);
    } catch (error) {
      health.writeFailed(error);
      return undefined;
    }
    const { blockSize, chunksPerBlock, wordsPerBlock } = stored.geometry;
    return {
      fd,
      size: this.blob.size,
      blockSize,
      chunksPerBlock,
      wordsPerBlock,
      state: stored.map.state,
      cursor: this.#cursor,
      counters: this.#context.counters.shared,
    };
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (!this.#disposed) {
      this.#disposed = true;
      this.#dropPrefetches();
      if (this.#passed) this.#touchAll(); // The kernel served its reads: this is the last that is heard of them.
      for (const file of this.#pinned.keys()) file.unpin();
      this.#releaseLeases();
    }
    return Promise.resolve();
  }

  /** Resolves when no read is under way. */
  async readsEnded(): Promise<void> {
    if (this.#reading > 0) await (this.#readsEnded ??= Promise.withResolvers<undefined>()).promise;
  }

  /** Runs something with the current version, which stays loaded until that ends, even when the handle is disposed meanwhile. */
  async #use<T>(run: (version: CachedVersion) => Promise<T>): Promise<T> {
    this.#reading++;
    try {
      return await run(await this.#current());
    } finally {
      this.#reading--;
      if (this.#disposed) this.#releaseLeases();
      if (this.#reading === 0) this.#readsEnded?.resolve(undefined);
    }
  }

  /** Starts what is missing ahead of the reader, and keeps it going though nobody waits for it yet. */
  #prefetch(version: CachedVersion, from: number, until: number): void {
    const { geometry } = version;
    for (const fetch of this.#prefetches.keys()) {
      if (fetch.ended) this.#prefetches.delete(fetch);
    }
    for (const fetch of version.fetchMissing(this.#backend, geometry.chunkAt(from), geometry.chunkAfter(until), 'readahead')) {
      if (!this.#prefetches.has(fetch)) this.#prefetches.set(fetch, fetch.hold());
    }
    if (this.#prefetchedUntil === 0) this.#prefetchedFrom = from;
    this.#prefetchedUntil = until;
  }

  /** Lets go of the versions, once no read is under way any more. */
  #releaseLeases(): void {
    if (this.#reading > 0) return;
    for (const lease of this.#oldLeases) lease.release();
    this.#lease.release();
    this.#context.onReleased();
  }

  #touchAll(): void {
    const { geometry, stored } = this.#lease.version;
    stored.map.touch(0, geometry.chunks - 1, this.#context.now() / 1000);
  }

  /** The reader went elsewhere: what was fetched ahead and not read was for nothing. */
  #dropPrefetches(): void {
    for (const release of this.#prefetches.values()) release();
    this.#prefetches.clear();
    if (this.#prefetchedUntil === 0) return;
    const { geometry, stored } = this.#lease.version;
    const wasted = stored.map.takePrefetched(geometry.chunkAt(this.#prefetchedFrom), geometry.chunkAfter(this.#prefetchedUntil) - 1);
    this.#context.counters.add('readaheadWasted', wasted);
    this.#prefetchedUntil = 0;
  }

  /** The version to read from: a new one when the files of the one before had to be removed. */
  async #current(): Promise<CachedVersion> {
    if (!this.#lease.version.stored.removed) return this.#lease.version;
    this.#reopening ??= this.#context.reopen();
    try {
      const lease = await this.#reopening;
      if (this.#lease !== lease) {
        this.#oldLeases.push(this.#lease);
        this.#lease = lease;
      }
      return lease.version;
    } finally {
      this.#reopening = undefined;
    }
  }

  #pin(file: PooledFile): number {
    const known = this.#pinned.get(file);
    if (known !== undefined) return known;
    const fd = file.pin();
    this.#pinned.set(file, fd);
    return fd;
  }

  /** Whether the whole file may be handed out, now. */
  #isVerified({ stored }: CachedVersion): boolean {
    return stored.map.complete && stored.map.allPresentVerified && !stored.removed && !this.#disposed;
  }

  #assertOpen(): void {
    if (this.#disposed) throw new CacheError('CACHE_CLOSED', `the handle of ${this.blob.path} was disposed`);
  }
}
