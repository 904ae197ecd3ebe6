import { toLocation } from './location.ts';
import { spoolShard } from './open-shard.ts';
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
 * @throws {@link WebDatasetError} `WDS_BAD_SPEC` for a URL that is none; as `openShard`, for custom shards
 */
export async function locate(input: ShardInput, options: { readonly signal?: AbortSignal } = {}): Promise<LocatedShard> {
  if (typeof input !== 'string') return spoolShard(input, options.signal);
  // Nothing is open, so nothing is closed.
  return { location: toLocation(input), [Symbol.asyncDispose]: () => Promise.resolve() };
}
