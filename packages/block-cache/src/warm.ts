import type { BlobBackend, BlobProperties } from '@warpforge/blob-backend';

import { abortable } from './abort.ts';
import type { CachedVersion } from './cached-version.ts';
import type { Room } from './disk-side.ts';
import { CacheError } from './errors.ts';

/** Blocks of one file on their way at once. The scheduler bounds the requests of all files together. */
const PARALLEL_BLOCKS = 8;

/** A block whose request was cut short by others (a reader that gave up) is asked for again; after this many times something is wrong. */
const MAX_ATTEMPTS = 3;

/** How far a warm-up is. `files` and `bytes` grow while the listing goes on. */
export interface WarmProgress {
  readonly files: number;
  readonly filesDone: number;
  readonly bytes: number;
  /** Bytes of the blobs that are on disk, found there or fetched. */
  readonly bytesDone: number;
  /** Bytes that crossed the network for it. */
  readonly fetchedBytes: number;
}

/** A file that is not completely cached, and why. */
export interface WarmFailure {
  readonly path: string;
  readonly error: Error;
}

/** What a warm-up came to. `files` = `complete` + `failed.length`. */
export interface WarmReport {
  readonly files: number;
  readonly bytes: number;
  readonly fetchedBytes: number;
  readonly failed: readonly WarmFailure[];
  /** Files of which, at the end, every chunk was on disk and verified. */
  readonly complete: number;
}

/** How to warm. */
export interface WarmOptions {
  /** Files at once. Default: as many as range requests (`maxParallelFetch`). */
  readonly parallelFiles?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called after each block and each file. */
  readonly onProgress?: ((progress: WarmProgress) => void) | undefined;
}

/** What a warm-up needs from its cache. */
export interface WarmContext {
  readonly room: Room;
  /** The version of a blob with its maps, kept loaded until released. */
  readonly acquire: (blob: BlobProperties) => Promise<{ readonly version: CachedVersion; readonly release: () => void }>;
  readonly isComplete: (blob: BlobProperties) => boolean;
  readonly now: () => number;
  /** Whether the disk takes writes now. */
  readonly writable: () => boolean;
  /** Files at once unless the caller says otherwise: as many as requests, so that small files fill all slots. */
  readonly parallelFiles: number;
}

/** Brings whole files into the cache. Failures of single files are collected; only an abort or a failing listing ends it early. */
export async function warmBlobs(
  backend: BlobBackend,
  blobs: AsyncIterable<BlobProperties> | Iterable<BlobProperties>,
  options: WarmOptions,
  context: WarmContext,
): Promise<WarmReport> {
  return new WarmRun(backend, options, context).run(blobs);
}

class WarmRun {
  readonly #backend: BlobBackend;
  readonly #options: WarmOptions;
  readonly #context: WarmContext;
  /** What this run brings must not push out what it brought before: blocks used since its start are protected. Unix seconds. */
  readonly #startedAt: number;
  readonly #warmed: BlobProperties[] = [];
  readonly #failed: WarmFailure[] = [];
  #files = 0;
  #filesDone = 0;
  /** The listing failed: what is under way ends. */
  #stopped = false;
  #bytes = 0;
  #bytesDone = 0;
  #fetchedBytes = 0;

  constructor(backend: BlobBackend, options: WarmOptions, context: WarmContext) {
    this.#backend = backend;
    this.#options = options;
    this.#context = context;
    this.#startedAt = Math.floor(context.now() / 1000);
  }

  async run(blobs: AsyncIterable<BlobProperties> | Iterable<BlobProperties>): Promise<WarmReport> {
    const { signal, parallelFiles = this.#context.parallelFiles } = this.#options;
    const running = new Set<Promise<void>>();
    try {
      for await (const blob of blobs) {
        signal?.throwIfAborted();
        this.#files++;
        this.#bytes += blob.size;
        const file = this.#warmFile(blob).finally(() => running.delete(file));
        running.add(file);
        if (running.size >= parallelFiles) await Promise.race(running);
      }
    } catch (error) {
      this.#stopped = true;
      throw error;
    } finally {
      await Promise.all(running);
    }
    signal?.throwIfAborted();
    return this.#report();
  }

  /** Looks at every file again: one that was complete may have lost a block to readers meanwhile. */
  #report(): WarmReport {
    let complete = 0;
    for (const blob of this.#warmed) {
      if (this.#context.isComplete(blob)) complete++;
      else this.#fail(blob, incomplete(blob.path));
    }
    return { files: this.#files, bytes: this.#bytes, fetchedBytes: this.#fetchedBytes, failed: this.#failed, complete };
  }

  async #warmFile(blob: BlobProperties): Promise<void> {
    try {
      const { version, release } = await this.#context.acquire(blob);
      try {
        await this.#warmBlocks(version);
        if (!version.stored.map.complete || !version.stored.map.allPresentVerified) throw incomplete(blob.path);
        this.#warmed.push(blob);
      } finally {
        release();
      }
    } catch (error) {
      if (this.#options.signal?.aborted !== true) this.#fail(blob, error);
    } finally {
      this.#filesDone++;
      this.#progress();
    }
  }

  async #warmBlocks(version: CachedVersion): Promise<void> {
    const { blocks } = version.geometry;
    let next = 0;
    let failed = false;
    const worker = async (): Promise<void> => {
      while (next < blocks && !failed && !this.#stopped && this.#options.signal?.aborted !== true) {
        const block = next++;
        try {
          await this.#warmBlock(version, block);
        } catch (error) {
          failed = true;
          throw error;
        }
        this.#bytesDone += version.geometry.blockEnd(block) - block * version.geometry.blockSize;
        this.#progress();
      }
    };
    const results = await Promise.allSettled(Array.from({ length: Math.min(PARALLEL_BLOCKS, blocks) }, worker));
    const broken = results.find((result) => result.status === 'rejected');
    if (broken !== undefined) throw broken.reason;
  }

  /** Brings one block: verifies what is there, fetches what is not, and waits until it is on disk. */
  async #warmBlock(version: CachedVersion, block: number): Promise<void> {
    const { signal } = this.#options;
    const { geometry, stored } = version;
    const first = geometry.firstChunk(block);
    const end = geometry.endChunk(block);
    let unkept = false;
    for (let attempt = 1; ; attempt++) {
      await version.verify(first, end, signal);
      const missing = end - first - stored.map.presentIn(block);
      if (missing === 0) {
        stored.map.touch(first, end - 1, this.#context.now() / 1000);
        return;
      }
      if (attempt > MAX_ATTEMPTS || unkept || !this.#context.writable()) throw incomplete(version.path);
      await this.#makeRoom(version, geometry.blockEnd(block) - block * geometry.blockSize);
      const fetches = version.fetchMissing(this.#backend, first, end, 'warm', this.#startedAt);
      const releases = [...fetches].map((fetch) => fetch.hold());
      try {
        await abortable(Promise.all([...fetches].map((fetch) => fetch.done)), signal);
      } finally {
        for (const release of releases) release();
        unkept = [...fetches].some((fetch) => fetch.unkept);
        this.#fetchedBytes += [...fetches].reduce((sum, fetch) => sum + fetch.takeWarmedBytes(), 0);
      }
    }
  }

  /** Asks for room before the request: data that could not be kept must not cross the network for nothing. */
  async #makeRoom(version: CachedVersion, bytes: number): Promise<void> {
    const { room } = this.#context;
    if (!(await room.admit(bytes, this.#startedAt))) {
      throw new CacheError(
        'CACHE_FULL',
        `no room for ${version.path}: the cache is full of what was just warmed or is in use; raise its size or warm less`,
      );
    }
    room.release(bytes);
  }

  #fail(blob: BlobProperties, error: unknown): void {
    this.#failed.push({ path: blob.path, error: error instanceof Error ? error : new Error(String(error)) });
  }

  #progress(): void {
    this.#options.onProgress?.({
      files: this.#files,
      filesDone: this.#filesDone,
      bytes: this.#bytes,
      bytesDone: this.#bytesDone,
      fetchedBytes: this.#fetchedBytes,
    });
  }
}

function incomplete(path: string): CacheError {
  return new CacheError('CACHE_INCOMPLETE', `${path} is not completely in the cache: the disk refused it, or readers needed its room`);
}
