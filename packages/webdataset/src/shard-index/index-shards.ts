import { WebDatasetError } from '../errors.ts';
import type { ShardInput } from '../source/shard-input.ts';

/** Where indexes come from. */
export interface IndexOptions {
  /**
   * Folder for the indexes of shards that have none beside them. Default: `warpforge/webdataset` in `$XDG_CACHE_HOME`, or in `~/.cache`.
   * When it cannot be written, indexes live in memory only, and {@link INDEX_CHANNEL} says so.
   */
  readonly indexDir?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How to index many shards. */
export interface IndexShardsOptions extends IndexOptions {
  /** `auto` reads every shard without an index once, to make one; `existing` throws `WDS_INDEX_REQUIRED` instead. Default `auto`. */
  readonly index?: 'auto' | 'existing' | undefined;
  /** Shards worked on at the same time. Default 4. */
  readonly concurrency?: number | undefined;
  /** Called after each shard. */
  readonly onProgress?: ((progress: IndexProgress) => void) | undefined;
}

/** How far {@link indexShards} is. */
export interface IndexProgress {
  /** Shards that are done. */
  readonly done: number;
  readonly total: number;
  /** Name of the shard just done. */
  readonly shard: string;
  /** True when it had to be read, false when its index was there. */
  readonly built: boolean;
}

/**
 * Makes sure that every shard has an index.
 *
 * @returns the samples in each shard, in the order of `shards`
 * @throws {@link WebDatasetError} `WDS_INDEX_REQUIRED` naming the shards without one, when `index` is `existing`; what reading a shard throws
 */
export function indexShards(shards: readonly ShardInput[], options: IndexShardsOptions = {}): Promise<number[]> {
  void options;
  return Promise.reject(new WebDatasetError('WDS_INDEX_REQUIRED', `not there yet: ${shards.length}`));
}
