import { channel } from 'node:diagnostics_channel';

/** Published once for each `CachedFile.read`; reads served by threads appear only in the counters. */
export interface ReadEvent {
  readonly backend: string;
  readonly path: string;
  readonly bytes: number;
  /** Chunks of this read that were in the cache, and those that were not. */
  readonly hits: number;
  readonly misses: number;
}

/** Bytes on disk that were not what had been written. They were dropped, and are fetched again at the next read. */
export interface CorruptionEvent {
  readonly backend: string;
  readonly path: string;
  readonly etag: string;
  /** `chunk`: checksum of the bytes; `record`: checksum of a block's record; `truncated`: data file shorter than the blob. */
  readonly kind: 'chunk' | 'record' | 'truncated';
  /** First byte concerned, from the start of the blob. */
  readonly offset: number;
}

/** Room was made. */
export interface EvictionEvent {
  readonly backend: string;
  readonly path: string;
  readonly etag: string;
  /** Bytes given back to the file system. */
  readonly bytes: number;
  readonly blocks: number;
  /** `lru`: least recently used; `superseded`: a newer version was opened; `damaged`: a file that can't be repaired in place. */
  readonly reason: 'lru' | 'superseded' | 'damaged';
}

/** The disk can't do its part; reads are served from the network meanwhile. */
export interface DegradedEvent {
  readonly directory: string;
  /** `open`, `write`, `read`, `evict`: what failed; `slow`: writes do not keep up; `full`: nothing may be evicted; `native`: a system call is missing. */
  readonly operation: 'open' | 'write' | 'read' | 'evict' | 'slow' | 'full' | 'native';
  /** What it means, for a log line. */
  readonly message: string;
  readonly error?: unknown;
}

/** Diagnostics channels of this package, by event. */
export const channels = {
  read: channel('warpforge:block-cache:read'),
  corruption: channel('warpforge:block-cache:corruption'),
  eviction: channel('warpforge:block-cache:eviction'),
  degraded: channel('warpforge:block-cache:degraded'),
} as const;
