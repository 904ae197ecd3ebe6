import type { ShardInput } from './shard-input.ts';

/** What tells one shard from another without reading it. */
export interface ShardDescription {
  /** Last component of its path, URL or name. */
  readonly name: string;
  /** Length in bytes as it is stored (compressed, if it is). */
  readonly size: number;
  /** When it was changed, in milliseconds since the epoch, where that is known. */
  readonly mtimeMs?: number;
}

/**
 * Describes a shard, for fingerprints and cache keys: `stat` of a file, one request for a URL. A custom shard without `size` is read once.
 *
 * @throws {@link WebDatasetError} `WDS_READ`
 */
export function describeShard(input: ShardInput, options: { readonly signal?: AbortSignal } = {}): Promise<ShardDescription> {
  options.signal?.throwIfAborted();
  return Promise.reject(new Error(`${JSON.stringify(input)}: under construction`));
}
