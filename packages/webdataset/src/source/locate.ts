import type { ShardLocation } from './shard-bytes.ts';
import type { ShardInput } from './shard-input.ts';

/** A shard that threads can open, until this is disposed of. */
export interface LocatedShard extends AsyncDisposable {
  readonly location: ShardLocation;
}

/**
 * Says where a shard is. Paths and URLs are located at once, without looking; a custom shard is read and written, uncompressed, to a
 * temporary file, as only this thread can open it.
 *
 * @throws {@link WebDatasetError} as `openShard`, for custom shards
 */
export function locate(input: ShardInput, options: { readonly signal?: AbortSignal } = {}): Promise<LocatedShard> {
  options.signal?.throwIfAborted();
  return Promise.reject(new Error(`${JSON.stringify(input)}: under construction`));
}
