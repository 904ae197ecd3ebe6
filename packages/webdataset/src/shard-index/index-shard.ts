import type { SplitName } from '../sample.ts';
import { type ShardInput, shardName } from '../source/shard-input.ts';
import { scanTar } from '../tar/reader.ts';
import { IndexBuilder } from './index-builder.ts';
import type { ShardIndex } from './shard-index.ts';

/** How to index a shard. */
export interface IndexShardOptions {
  /** Which members make up which sample. Default: the rule of Python webdataset. */
  readonly splitName?: SplitName | undefined;
  /** Ends the pass with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes the index of a shard, in one pass over it. Offsets are those of the uncompressed bytes.
 *
 * @throws {@link WebDatasetError} whatever is wrong with the archive: an index of a part of it would hide the rest
 */
export async function indexShard(shard: ShardInput, options: IndexShardOptions = {}): Promise<ShardIndex> {
  const { splitName, signal } = options;
  const builder = new IndexBuilder(shardName(shard), splitName);
  for await (const member of scanTar(shard, signal === undefined ? {} : { signal })) builder.push(member);
  return builder.finish();
}
