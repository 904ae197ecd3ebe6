import { WebDatasetError } from '../errors.ts';
import { findIndex } from '../shard-index/index-shards.ts';
import type { IndexOptions } from '../shard-index/index-store.ts';
import type { IndexedSample, ShardIndex } from '../shard-index/shard-index.ts';
import type { ShardInput } from '../source/shard-input.ts';
import { blocks } from '../tar/header.ts';

/** Tells the byte at which a pass over a shard may start whose first wanted sample is `sample`; undefined where nobody knows. */
export type SeekSample = (shard: number, sample: number) => Promise<number | undefined>;

/** For a rank whose run starts in the middle of a shard: asks the shard's index, so that what lies before is not read. */
export function seekByIndex(shards: readonly ShardInput[], options: IndexOptions): SeekSample {
  return async (shard, sample) => {
    const input = shards[shard];
    const index = input === undefined ? undefined : await indexOf(input, options);
    const before = index?.samples[sample - 1];
    return before === undefined || index?.samples[sample] === undefined ? undefined : endOf(before);
  };
}

async function indexOf(input: ShardInput, options: IndexOptions): Promise<ShardIndex | undefined> {
  try {
    return await findIndex(input, options);
  } catch (error) {
    // The shard cannot be read, which the pass over it is about to say.
    if (error instanceof WebDatasetError && options.signal?.aborted !== true) return undefined;
    throw error;
  }
}

/** Where a sample's last member ends, and with it the headers of what follows begin. */
function endOf({ fields, duplicates = [] }: IndexedSample): number {
  const ends = [...fields.values(), ...duplicates].map(({ offset, size }) => offset + blocks(size));
  return Math.max(...ends);
}
