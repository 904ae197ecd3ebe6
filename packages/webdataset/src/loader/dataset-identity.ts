import { WebDatasetError } from '../errors.ts';
import { datasetFingerprint } from '../order/fingerprint.ts';
import { describeShard } from '../source/describe-shard.ts';
import { type ShardInput, shardBaseName } from '../source/shard-input.ts';

/** Requests for sizes under way at the same time: enough to hide a server's delay, and no load on it. */
const CONCURRENCY = 16;

/** The size of a shard that cannot be examined, or is not known without reading it all. */
const UNKNOWN_SIZE = -1;

/**
 * The fingerprint of a data set. A shard that cannot be examined has no size in it: reading it later says what is wrong, if it is ever
 * read.
 */
export async function fingerprintOf(shards: readonly ShardInput[], signal: AbortSignal): Promise<string> {
  const described = shards.map((input) => ({ name: shardBaseName(input), size: UNKNOWN_SIZE }));
  let next = 0;
  const examine = async (): Promise<void> => {
    for (let index = next++; index < shards.length; index = next++) {
      const input = shards[index];
      const entry = described[index];
      if (input === undefined || entry === undefined) continue;
      entry.size = typeof input === 'string' ? await sizeOf(input, signal) : (input.size ?? UNKNOWN_SIZE);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, examine));
  return datasetFingerprint(described);
}

async function sizeOf(shard: string, signal: AbortSignal): Promise<number> {
  try {
    return (await describeShard(shard, { signal })).size;
  } catch (error) {
    if (signal.aborted || !(error instanceof WebDatasetError)) throw error;
    return UNKNOWN_SIZE;
  }
}
