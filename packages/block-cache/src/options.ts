import { resolve } from 'node:path';

import { CacheError } from './errors.ts';
import { isBlockSize } from './geometry.ts';
import { SEGMENT_BYTES } from './range-fetch.ts';

/** 4 MiB: large enough for a cloud's full speed per request, small enough that one evicted block is little. */
const DEFAULT_BLOCK_BYTES = 4 * 1024 * 1024;

const DEFAULT_MAX_PARALLEL_FETCH = 32;

/** With 4 MiB blocks 32 MiB ahead of each sequential reader: a quarter of a second at 1 Gbit/s, several round trips to another continent. */
const DEFAULT_READAHEAD_BLOCKS = 8;

const DEFAULT_HIGH_WATER = 0.9;
const DEFAULT_LOW_WATER = 0.8;

/** Room for 32 requests with some MiB each between network and disk. */
const DEFAULT_MEMORY_LIMIT_BYTES = 256 * 1024 * 1024;

/** A few buffers; with less a request could not overlap network and disk. */
const MIN_MEMORY_LIMIT_BYTES = 4 * SEGMENT_BYTES;

/** How to open a cache. Sizes in bytes. */
export interface BlockCacheOptions {
  /** The cache directory; made (mode 0700) when it is not there. One process owns it at a time. */
  readonly directory: string;
  /** What all cache files together may take on disk. Data never exceeds it; the last few KiB of metadata may. */
  readonly maxSizeBytes: number;
  /** Free bytes of the file system to leave to others. Default 0: no check. */
  readonly minFreeBytes?: number | undefined;
  /** Unit of eviction and prefetch for new files, a power of two from 128 KiB to 64 MiB. Default 4 MiB. Files on disk keep theirs. */
  readonly blockSizeBytes?: number | undefined;
  /** Range requests in flight at once, at least 1. Default 32. */
  readonly maxParallelFetch?: number | undefined;
  /** Blocks fetched ahead of a sequential reader at most. Default 8; 0 turns read-ahead off. */
  readonly readaheadBlocks?: number | undefined;
  /** Share of `maxSizeBytes` above which eviction starts. Default 0.9. */
  readonly evictHighWater?: number | undefined;
  /** Share of `maxSizeBytes` at which eviction ends, below the high one. Default 0.8. */
  readonly evictLowWater?: number | undefined;
  /** Bytes in memory between network and disk, at least 4 MiB. Default 256 MiB. */
  readonly memoryLimitBytes?: number | undefined;
  /** Clock, milliseconds since the epoch. Default `Date.now`. */
  readonly now?: (() => number) | undefined;
  /** Aborts the opening (not the cache). */
  readonly signal?: AbortSignal | undefined;
}

/** All options with a value. */
export interface CacheSettings {
  readonly directory: string;
  readonly maxSizeBytes: number;
  readonly minFreeBytes: number;
  readonly blockSizeBytes: number;
  readonly maxParallelFetch: number;
  readonly readaheadBlocks: number;
  readonly evictHighWater: number;
  readonly evictLowWater: number;
  readonly memoryLimitBytes: number;
  readonly now: () => number;
}

/** Fills in the defaults and checks the limits. */
export function settle(options: BlockCacheOptions): CacheSettings {
  const settings: CacheSettings = {
    directory: resolve(options.directory),
    maxSizeBytes: options.maxSizeBytes,
    minFreeBytes: options.minFreeBytes ?? 0,
    blockSizeBytes: options.blockSizeBytes ?? DEFAULT_BLOCK_BYTES,
    maxParallelFetch: options.maxParallelFetch ?? DEFAULT_MAX_PARALLEL_FETCH,
    readaheadBlocks: options.readaheadBlocks ?? DEFAULT_READAHEAD_BLOCKS,
    evictHighWater: options.evictHighWater ?? DEFAULT_HIGH_WATER,
    evictLowWater: options.evictLowWater ?? DEFAULT_LOW_WATER,
    memoryLimitBytes: options.memoryLimitBytes ?? DEFAULT_MEMORY_LIMIT_BYTES,
    now: options.now ?? Date.now,
  };
  require(options.directory !== '', 'directory', 'must name a directory');
  require(isCount(settings.maxSizeBytes, 1), 'maxSizeBytes', 'must be a whole number of bytes, at least 1');
  require(isCount(settings.minFreeBytes, 0), 'minFreeBytes', 'must be a whole number of bytes');
  require(isBlockSize(settings.blockSizeBytes), 'blockSizeBytes', 'must be a power of two from 128 KiB to 64 MiB');
  require(isCount(settings.maxParallelFetch, 1), 'maxParallelFetch', 'must be a whole number, at least 1');
  require(isCount(settings.readaheadBlocks, 0), 'readaheadBlocks', 'must be a whole number, at least 0');
  require(settings.evictHighWater > 0 && settings.evictHighWater <= 1, 'evictHighWater', 'must be above 0 and at most 1');
  require(settings.evictLowWater >= 0 &&
    settings.evictLowWater < settings.evictHighWater, 'evictLowWater', 'must be at least 0 and below evictHighWater');
  require(isCount(
    settings.memoryLimitBytes,
    MIN_MEMORY_LIMIT_BYTES,
  ), 'memoryLimitBytes', `must be at least ${MIN_MEMORY_LIMIT_BYTES} bytes`);
  return settings;
}

function isCount(value: number, least: number): boolean {
  return Number.isSafeInteger(value) && value >= least;
}

function require(holds: boolean, option: string, message: string): void {
  if (!holds) throw new CacheError('CACHE_OPTION', `${option} ${message}`);
}
