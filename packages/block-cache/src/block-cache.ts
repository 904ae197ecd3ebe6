import type { BlobBackend, BlobProperties } from '@warpforge/blob-backend';

import { ownDirectory, type OwnedDirectory } from './cache-directory.ts';
import { FileHandle, type CachedFile, type VersionLease } from './cached-file.ts';
import type { CachedVersion } from './cached-version.ts';
import { Catalog, isCompleteEntry, versionId } from './catalog.ts';
import { Counters, type CounterName } from './counters.ts';
import { DiskHealth } from './disk-health.ts';
import { CacheError } from './errors.ts';
import { channels } from './events.ts';
import { Evictor } from './eviction.ts';
import { FetchScheduler } from './fetch-scheduler.ts';
import { LoadedVersions } from './loaded-versions.ts';
import { MemoryBudget } from './memory-budget.ts';
import { OpenFiles } from './open-files.ts';
import { settle, type BlockCacheOptions, type CacheSettings } from './options.ts';
import { SEGMENT_BYTES } from './range-fetch.ts';
import { scanFiles } from './scan.ts';
import { UncachedChunks } from './uncached-chunks.ts';
import { BackgroundVerifier } from './verify.ts';
import { warmBlobs, type WarmOptions, type WarmReport } from './warm.ts';

/** Share of the memory limit for chunks that could not be kept on disk. */
const UNCACHED_SHARE = 1 / 8;

/** Files kept open though nobody uses them just now. Far below the usual limit of 1,024 descriptors. */
const IDLE_OPEN_FILES = 256;

/** Memory for maps of versions that nobody uses just now: with 4 MiB blocks those of more than 1 TB in large files. */
const IDLE_MAP_BYTES = 64 * 1024 * 1024;

/** State and counters of a cache; counters run from its opening and include what reader threads served. */
export interface CacheStats extends Readonly<Record<CounterName, number>> {
  /** Bytes that all cache files take on disk (`st_blocks`), metadata included. */
  readonly sizeBytes: number;
  readonly maxSizeBytes: number;
  /** Versions with files on disk, and those of which every chunk is there. */
  readonly files: number;
  readonly completeFiles: number;
  /** Handles not yet disposed, or with a read under way. */
  readonly openHandles: number;
  /** Descriptors of cache files. */
  readonly openDescriptors: number;
  /** Bytes in memory between network and disk, and those kept there because the disk did not take them. */
  readonly bufferedBytes: number;
  readonly uncachedBufferedBytes: number;
  /** Range requests in flight and waiting. */
  readonly activeFetches: number;
  readonly queuedFetches: number;
  /** Whether room is being made just now. */
  readonly evicting: boolean;
  /** Whether writes to the disk are tried now: false after a failure for some seconds, or for good when the directory can't be used. */
  readonly writable: boolean;
  /** Whether blocks are evicted singly; false: whole files only, since holes can't be punched here. */
  readonly punchesHoles: boolean;
}

/** Blobs on local disk, in blocks. The README says how it behaves. */
export class BlockCache implements AsyncDisposable {
  readonly #settings: CacheSettings;
  readonly #directory: OwnedDirectory;
  readonly #counters: Counters;
  readonly #health: DiskHealth;
  readonly #catalog: Catalog;
  readonly #files = new OpenFiles(IDLE_OPEN_FILES);
  readonly #scheduler: FetchScheduler;
  readonly #memory: MemoryBudget;
  readonly #uncached: UncachedChunks;
  readonly #versions: LoadedVersions;
  readonly #evictor: Evictor;
  readonly #verifier = new BackgroundVerifier();
  readonly #handles = new Set<FileHandle>();
  #closing: Promise<void> | undefined;

  private constructor(settings: CacheSettings, directory: OwnedDirectory, catalog: Catalog, counters: Counters, health: DiskHealth) {
    this.#settings = settings;
    this.#directory = directory;
    this.#catalog = catalog;
    this.#counters = counters;
    this.#health = health;
    this.#scheduler = new FetchScheduler(settings.maxParallelFetch);
    this.#memory = new MemoryBudget(settings.memoryLimitBytes, SEGMENT_BYTES);
    this.#uncached = new UncachedChunks(settings.memoryLimitBytes * UNCACHED_SHARE);
    const { now } = settings;
    this.#versions = new LoadedVersions({
      catalog,
      files: this.#files,
      libc: directory.punching,
      health,
      blockSize: settings.blockSizeBytes,
      now,
      idleMapBytes: IDLE_MAP_BYTES,
      context: () => ({
        scheduler: this.#scheduler,
        memory: this.#memory,
        counters,
        health,
        uncached: this.#uncached,
        now,
        room: this.#evictor,
        onDamaged: (version) => this.#removeDamaged(version),
      }),
    });
    this.#evictor = new Evictor({
      catalog,
      counters,
      health,
      directory: directory.files,
      maxSizeBytes: settings.maxSizeBytes,
      minFreeBytes: settings.minFreeBytes,
      highWater: settings.evictHighWater,
      lowWater: settings.evictLowWater,
      canPunch: directory.punching !== undefined,
      now,
      load: (entry) => this.#versions.keep(entry),
      remove: (entry) => this.#versions.remove(entry),
    });
  }

  /**
   * Opens (or makes) the cache in `directory` and reads what is there. A directory that can't be written is no error: the cache then
   * serves everything from the network, and says so on the channel `warpforge:block-cache:degraded`.
   *
   * @throws CacheLockedError (`CACHE_LOCKED`) naming the owner; CacheError `CACHE_OPTION` or `CACHE_DIRECTORY`.
   */
  static async open(options: BlockCacheOptions): Promise<BlockCache> {
    options.signal?.throwIfAborted();
    const settings = settle(options);
    const counters = new Counters();
    const health = new DiskHealth(settings.directory, counters, settings.now);
    const directory = await ownDirectory(settings.directory, health);
    const catalog = new Catalog(directory.files);
    try {
      if (directory.lock !== undefined) {
        const damaged = await scanFiles(directory.files, catalog, {
          signal: options.signal,
          onFailure: (path, error) => health.report('read', `cache file ${path} can't be read`, error),
        });
        counters.add('corruptions', damaged);
      }
    } catch (error) {
      directory.lock?.[Symbol.dispose]();
      throw error;
    }
    const cache = new BlockCache(settings, directory, catalog, counters, health);
    cache.#evictor.check();
    return cache;
  }

  /** Opens a handle on one version of a blob, as `stat` or `list` of the backend gave it. Nothing is fetched before the first read. */
  async openFile(backend: BlobBackend, blob: BlobProperties): Promise<CachedFile> {
    this.#assertOpen();
    const lease = await this.#acquire(backend, blob);
    const handle: FileHandle = new FileHandle(backend, blob, lease, {
      counters: this.#counters,
      health: this.#health,
      readaheadBlocks: this.#readaheadBlocks(lease.version.geometry.blockSize),
      now: this.#settings.now,
      reopen: () => this.#acquire(backend, blob),
      verifyInBackground: (current) => this.#verifier.add(current),
      onReleased: () => this.#handles.delete(handle),
    });
    this.#handles.add(handle);
    return handle;
  }

  /** Whether every chunk of this very version is on disk. An empty blob is always complete. */
  isComplete(backend: BlobBackend, blob: BlobProperties): boolean {
    if (blob.size === 0) return true;
    const entry = this.#catalog.get(versionId(backend.name, blob));
    return entry !== undefined && isCompleteEntry(entry);
  }

  /**
   * Brings whole blobs into the cache and verifies what is already there. Data that it brings never pushes out other data that it has
   * brought. Rejects only when aborted or when the listing `blobs` fails; failures of single files are in the report.
   */
  async warm(
    backend: BlobBackend,
    blobs: AsyncIterable<BlobProperties> | Iterable<BlobProperties>,
    options: WarmOptions = {},
  ): Promise<WarmReport> {
    this.#assertOpen();
    return warmBlobs(backend, blobs, options, {
      room: this.#evictor,
      acquire: (blob) => this.#acquire(backend, blob),
      isComplete: (blob) => this.isComplete(backend, blob),
      now: this.#settings.now,
      writable: () => this.#health.writable,
      parallelFiles: this.#settings.maxParallelFetch,
    });
  }

  /** State and counters now. Looks at every version, so ask some times a minute, not per read. */
  stats(): CacheStats {
    let files = 0;
    let completeFiles = 0;
    for (const entry of this.#catalog.entries()) {
      if (!entry.onDisk) continue;
      files++;
      if (isCompleteEntry(entry)) completeFiles++;
    }
    return {
      ...this.#counters.snapshot(),
      sizeBytes: this.#catalog.sizeBytes,
      maxSizeBytes: this.#settings.maxSizeBytes,
      files,
      completeFiles,
      openHandles: this.#handles.size,
      openDescriptors: this.#files.open,
      bufferedBytes: this.#memory.used,
      uncachedBufferedBytes: this.#uncached.bytes,
      activeFetches: this.#scheduler.active,
      queuedFetches: this.#scheduler.queued,
      evicting: this.#evictor.running,
      writable: this.#health.writable,
      punchesHoles: this.#directory.punching !== undefined,
    };
  }

  /** Ends all requests (their readers get `CACHE_CLOSED`), waits for what is being written, and gives the directory free. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    try {
      const handles = [...this.#handles];
      for (const handle of handles) await handle[Symbol.asyncDispose]();
      await this.#verifier.stop();
      await this.#versions.endRequests(closed());
      await Promise.all(handles.map((handle) => handle.readsEnded()));
      await this.#evictor.stop();
      await this.#versions.close();
      await this.#files.closeIdle();
    } finally {
      this.#directory.lock?.[Symbol.dispose]();
    }
  }

  async #acquire(backend: BlobBackend, blob: BlobProperties): Promise<VersionLease> {
    const lease = await this.#versions.acquire(backend.name, blob);
    if (this.#closing !== undefined) {
      lease.release();
      throw closed();
    }
    const entry = this.#catalog.get(lease.version.id);
    if (entry !== undefined) this.#catalog.makeCurrent(entry);
    return lease;
  }

  /** A window may not be larger than an eighth of the cache: what is fetched ahead must still be there when its reader comes. */
  #readaheadBlocks(blockSize: number): number {
    return Math.min(this.#settings.readaheadBlocks, Math.floor(this.#settings.maxSizeBytes / 8 / blockSize));
  }

  async #removeDamaged(version: CachedVersion): Promise<void> {
    const entry = this.#catalog.get(version.id);
    if (entry?.version !== version) return;
    const { backend, path, etag } = entry.header;
    const bytes = entry.bytes;
    await this.#versions.remove(entry);
    channels.eviction.publish({ backend, path, etag, bytes, blocks: version.geometry.blocks, reason: 'damaged' });
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw closed();
  }
}

function closed(): CacheError {
  return new CacheError('CACHE_CLOSED', 'the cache was closed');
}
