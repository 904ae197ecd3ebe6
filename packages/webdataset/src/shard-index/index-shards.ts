import { atLeast } from '../at-least.ts';
import { WebDatasetError } from '../errors.ts';
import { type ShardInput, shardName } from '../source/shard-input.ts';
import { type IndexOptions, IndexStore } from './index-store.ts';
import type { ShardIndex } from './shard-index.ts';

/** How to index many shards. */
export interface IndexShardsOptions extends IndexOptions {
  /** `auto` reads every shard without an index once, to make one; `existing` throws `WDS_INDEX_REQUIRED` instead. Default `auto`. */
  readonly index?: 'auto' | 'existing' | undefined;
  /** Shards worked on at the same time. Default 4: some reads in flight, while one is parsed. */
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
  /** True when it was read, false when its index was there. */
  readonly built: boolean;
}

/**
 * The index of a shard, from where there is one: beside it, or in the folder of indexes. Undefined when there is none that fits.
 *
 * @throws {@link WebDatasetError} when the shard itself cannot be opened
 */
export async function findIndex(shard: ShardInput, options: IndexOptions = {}): Promise<ShardIndex | undefined> {
  return (await new IndexStore(options).find(shard)).found;
}

/**
 * The index of a shard: the one that there is, or one made by a pass over the shard and stored in the folder of indexes.
 *
 * @throws {@link WebDatasetError} when the shard cannot be read, or is damaged
 */
export function loadIndex(shard: ShardInput, options: IndexOptions = {}): Promise<ShardIndex> {
  return new IndexStore(options).load(shard);
}

/**
 * Makes sure that every shard has an index, and counts samples. Processes that do this at the same time, with one folder of indexes,
 * start at different shards and use what the others have stored, so that they share the work.
 *
 * @returns the samples in each shard, faulty ones included, in the order of `shards`
 * @throws {@link WebDatasetError} `WDS_INDEX_REQUIRED` naming the shards without an index, when `index` is `existing`; the first fault of a
 *   shard that cannot be read
 */
export async function indexShards(shards: readonly ShardInput[], options: IndexShardsOptions = {}): Promise<number[]> {
  const { index: policy = 'auto', concurrency = 4, onProgress, signal } = options;
  atLeast('concurrency', concurrency, 1);
  const failed = new AbortController();
  const store = new IndexStore({ ...options, signal: signal === undefined ? failed.signal : AbortSignal.any([signal, failed.signal]) });
  const counts = new Array<number>(shards.length).fill(0);
  const missing = new Map<number, string>();
  let done = 0;
  const work = async (place: number, shard: ShardInput): Promise<void> => {
    const { found, key, ignored } = await store.findCount(shard);
    const isBuilt = found === undefined && policy === 'auto';
    if (found !== undefined) counts[place] = found;
    else if (isBuilt) counts[place] = (await store.build(shard, key)).samples.length;
    else missing.set(place, ignored === undefined ? shardName(shard) : `${shardName(shard)} (${ignored.message})`);
    onProgress?.({ done: ++done, total: shards.length, shard: shardName(shard), built: isBuilt });
  };
  await forEach(shards, concurrency, work, failed);
  if (missing.size > 0) throw indexRequired(missing, shards.length);
  return counts;
}

/** Runs `work` for every shard, so many at a time; ends with the first failure, when what is under way has ended. */
async function forEach(
  shards: readonly ShardInput[],
  concurrency: number,
  work: (place: number, shard: ShardInput) => Promise<void>,
  failed: AbortController,
): Promise<void> {
  const start = Math.floor(((process.pid * GOLDEN_RATIO) % 1) * shards.length);
  const failures: unknown[] = [];
  let next = 0;
  const runner = async (): Promise<void> => {
    while (next < shards.length && failures.length === 0) {
      const place = (start + next++) % shards.length;
      const shard = shards[place];
      if (shard === undefined) return;
      try {
        await work(place, shard);
      } catch (error) {
        failures.push(error);
        failed.abort(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, shards.length) }, runner));
  if (failures.length > 0) throw failures[0];
}

/** Multiples of it lie far apart from each other in the unit interval, so successive process ids start at shards far apart. */
const GOLDEN_RATIO = 0.618_033_988_749_895;

/** Shards that a message names before it only counts them. */
const NAMED_SHARDS = 10;

function indexRequired(missing: ReadonlyMap<number, string>, total: number): WebDatasetError {
  const places = [...missing.keys()].sort((one, other) => one - other).slice(0, NAMED_SHARDS);
  const named = places.map((place) => missing.get(place)).join(', ');
  const more = missing.size > NAMED_SHARDS ? ` and ${missing.size - NAMED_SHARDS} more` : '';
  return new WebDatasetError(
    'WDS_INDEX_REQUIRED',
    `${missing.size} of ${total} shards have no index: ${named}${more}; run \`webdataset index\` on them, let the library index them (index: 'auto'), or say how many samples make an epoch (samplesPerEpoch)`,
  );
}
