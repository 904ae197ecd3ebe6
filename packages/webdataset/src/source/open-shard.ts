import type { ShardBytes, ShardLocation } from './shard-bytes.ts';

/** How to open a shard. */
export interface OpenShardOptions {
  /** Ends the opening (which may decompress or download) with its reason. */
  readonly signal?: AbortSignal;
}

/**
 * Opens a shard for reading at random, in any thread. One that is compressed (by its first bytes, whatever its name) or that a server
 * gives only as a whole is first written, uncompressed, to a temporary file without a name.
 *
 * @throws {@link WebDatasetError} `WDS_READ`, `WDS_UNSUPPORTED`, `WDS_SPOOL`, `WDS_CHANGED`, `WDS_TRUNCATED` or `WDS_DECOMPRESS`
 */
export function openShard(location: ShardLocation, options: OpenShardOptions = {}): Promise<ShardBytes> {
  options.signal?.throwIfAborted();
  return Promise.reject(new Error(`${location.name}: under construction`));
}
