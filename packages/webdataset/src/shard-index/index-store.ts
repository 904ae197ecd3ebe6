import { WebDatasetError } from '../errors.ts';
import { describeShard } from '../source/describe-shard.ts';
import { shardBaseName, type ShardInput, shardName } from '../source/shard-input.ts';
import type { SplitName } from '../sample.ts';
import { readBeside } from './beside.ts';
import { findMismatch } from './check-index.ts';
import { IndexCache, type IndexKey, defaultIndexDir } from './index-cache.ts';
import { publishIndexEvent } from './index-events.ts';
import { indexPathOf } from './index-path.ts';
import { formatIndex, outlineIndex, parseIndex, type ParseIndexOptions } from './index-text.ts';
import { indexShard } from './index-shard.ts';
import { openAtRandom, type StoredShard } from './open-at-random.ts';
import type { ShardIndex } from './shard-index.ts';

/** A rule of names other than that of Python webdataset. */
export interface NameRule {
  /** What tells it from other rules in the folder of indexes: the address of its module. */
  readonly url: string;
  readonly splitName: SplitName;
}

/** Where indexes come from. */
export interface IndexOptions {
  /**
   * Folder for the indexes of shards that have none beside them. Default: `warpforge/webdataset` in `$XDG_CACHE_HOME`, or in `~/.cache`.
   * Where it cannot be written, indexes live in memory only, and the channel `INDEX_CHANNEL` says so.
   */
  readonly indexDir?: string | undefined;
  /** Which members make up which sample. Default: the rule of Python webdataset. Other rules do without indexes beside shards. */
  readonly rule?: NameRule | undefined;
  /** Ends the search, or the pass over the shard, with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** What a search for an index came to. */
interface Search<Found> {
  readonly found: Found | undefined;
  /** Where an index of the shard belongs. */
  readonly key: IndexKey | undefined;
  /** Why there is none, as far as one was there. */
  readonly ignored: WebDatasetError | undefined;
}

/** What is wanted of the text of an index, and what of it is compared with the shard. */
interface Parsed<Found> {
  readonly found: Found;
  readonly compared: ShardIndex;
}

/** Undefined for an index that is sound, but not of use. */
type Parse<Found> = (text: string, options: ParseIndexOptions) => Parsed<Found> | undefined;

const whole: Parse<ShardIndex> = (text, options) => {
  const index = parseIndex(text, options);
  return { found: index, compared: index };
};

const withKeys: Parse<ShardIndex> = (text, options) => {
  const index = parseIndex(text, options);
  return index.samples.every(({ key }) => key !== undefined) ? { found: index, compared: index } : undefined;
};

const length: Parse<number> = (text, options) => {
  const index = parseIndex(text, options);
  return { found: index.samples.length, compared: index };
};

const outline: Parse<number> = (text, options) => {
  const { samples, ends } = outlineIndex(text, options);
  return { found: samples, compared: ends };
};

/**
 * Finds the indexes of shards, beside them or in the folder of indexes, and makes those that are missing.
 *
 * An index that is malformed, or not that of these bytes, counts as none; the channel of {@link publishIndexEvent} tells. A custom shard
 * never has one: nothing says whether it is still the same.
 */
export class IndexStore {
  readonly #cache: IndexCache;
  readonly #rule: NameRule | undefined;
  readonly #signal: AbortSignal | undefined;

  constructor({ indexDir = defaultIndexDir(), rule, signal }: IndexOptions) {
    this.#cache = new IndexCache(indexDir);
    this.#rule = rule;
    this.#signal = signal;
  }

  /**
   * Looks for the index of a shard.
   *
   * @throws {@link WebDatasetError} when the shard itself cannot be opened
   */
  find(shard: ShardInput): Promise<Search<ShardIndex>> {
    return this.#search(shard, whole, whole);
  }

  /** Looks for the number of samples in a shard. */
  findCount(shard: ShardInput): Promise<Search<number>> {
    // Beside shards are indexes of wds2idx, whose lines need not be samples.
    return this.#search(shard, length, outline);
  }

  /** Finds the index of a shard, or makes and stores it. */
  async load(shard: ShardInput): Promise<ShardIndex> {
    const { found, key } = await this.find(shard);
    return found ?? this.build(shard, key);
  }

  /** As {@link load}, for who needs the keys, which not every index tells. */
  async loadWithKeys(shard: ShardInput, bytes = shard): Promise<ShardIndex> {
    const { found, key } = await this.#search(shard, withKeys, withKeys);
    return found ?? this.build(shard, key, bytes);
  }

  /**
   * Makes the index of a shard and stores it under its key.
   *
   * @param bytes where to read it, if not from the shard itself
   */
  async build(shard: ShardInput, key: IndexKey | undefined, bytes = shard): Promise<ShardIndex> {
    const index = await indexShard(bytes, { splitName: this.#rule?.splitName, signal: this.#signal });
    const name = shardName(shard);
    publishIndexEvent({ kind: 'built', shard: name, samples: index.samples.length });
    try {
      await this.#store(shard, key, index);
    } catch (error) {
      this.#signal?.throwIfAborted();
      if (!(error instanceof WebDatasetError)) throw error;
      publishIndexEvent({ kind: 'not-stored', shard: name, error });
    }
    return index;
  }

  async #search<Found>(shard: ShardInput, parseBeside: Parse<Found>, parseCached: Parse<Found>): Promise<Search<Found>> {
    this.#signal?.throwIfAborted();
    if (typeof shard !== 'string') return { found: undefined, key: undefined, ignored: undefined };
    await using stored = await openAtRandom(shard, this.#signal);
    const key = this.#keyOf(shard, stored);
    const beside = await this.#readBeside(shard, stored, parseBeside);
    if (beside !== undefined && !(beside instanceof WebDatasetError)) return { found: beside.found, key, ignored: undefined };
    const cached = key === undefined ? undefined : await this.#readCached(shard, key, stored, parseCached);
    if (cached !== undefined && !(cached instanceof WebDatasetError)) return { found: cached.found, key, ignored: undefined };
    return { found: undefined, key, ignored: cached ?? beside };
  }

  #keyOf(shard: string, { size, mtimeMs }: StoredShard): IndexKey | undefined {
    return mtimeMs === undefined ? undefined : { name: shardBaseName(shard), size, mtimeMs, splitName: this.#rule?.url };
  }

  /** The index beside the shard; an error for one that is to be ignored. */
  async #readBeside<Found>(shard: string, stored: StoredShard, parse: Parse<Found>): Promise<Parsed<Found> | WebDatasetError | undefined> {
    // An index beside a compressed shard would tell of bytes that are not there; and other rules make other samples.
    if (!stored.isRandom || this.#rule !== undefined) return undefined;
    return this.#accept(shard, shardName(indexPathOf(shard)), stored, parse, () => readBeside(shard, this.#signal));
  }

  async #readCached<Found>(
    shard: string,
    key: IndexKey,
    stored: StoredShard,
    parse: Parse<Found>,
  ): Promise<Parsed<Found> | WebDatasetError | undefined> {
    const path = this.#cache.pathOf(key);
    return this.#accept(shard, path, stored, parse, () => this.#cache.read(path));
  }

  async #accept<Found>(
    shard: string,
    path: string,
    stored: StoredShard,
    parse: Parse<Found>,
    read: () => Promise<Uint8Array | undefined>,
  ): Promise<Parsed<Found> | WebDatasetError | undefined> {
    try {
      const bytes = await read();
      if (bytes === undefined) return undefined;
      const splitName = this.#rule?.splitName;
      const parsed = parse(decode(bytes, path), { name: path, splitName });
      if (parsed === undefined) return undefined;
      const mismatch = stored.isRandom ? await findMismatch(parsed.compared, stored, splitName) : undefined;
      if (mismatch === undefined) return parsed;
      throw new WebDatasetError('WDS_BAD_INDEX', `the index is not that of the shard: ${mismatch}; remove it, or make it anew`, {
        shard: path,
      });
    } catch (error) {
      this.#signal?.throwIfAborted();
      if (!(error instanceof WebDatasetError) || error.shard !== path) throw error;
      publishIndexEvent({ kind: 'ignored', shard: shardName(shard), path, error });
      return error;
    }
  }

  /** @throws {@link WebDatasetError} why the index cannot be stored */
  async #store(shard: ShardInput, key: IndexKey | undefined, index: ShardIndex): Promise<void> {
    if (key === undefined) {
      throw new WebDatasetError(
        'WDS_WRITE',
        'nothing tells this shard from a later version of it (no time of change), so its index is not stored',
      );
    }
    const { size, mtimeMs } = await describeShard(shard, this.#signal === undefined ? {} : { signal: this.#signal });
    if (size !== key.size || mtimeMs !== key.mtimeMs) {
      throw new WebDatasetError('WDS_CHANGED', 'the shard was changed while it was indexed, so its index is not stored');
    }
    await this.#cache.write(this.#cache.pathOf(key), storable(index));
  }
}

/** With member names where the format can hold them; without (as v1.1) the counts and places at least are there. */
function storable(index: ShardIndex): string {
  try {
    return formatIndex(index);
  } catch (error) {
    if (!(error instanceof WebDatasetError)) throw error;
    return formatIndex(withoutNames(index));
  }
}

function withoutNames({ samples }: ShardIndex): ShardIndex {
  return {
    samples: samples.map(({ fields, duplicates }) => ({
      fields: new Map([...fields].map(([field, { offset, size }]) => [field, { offset, size }])),
      duplicates: duplicates?.map(({ field, offset, size }) => ({ field, offset, size })),
    })),
  };
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decode(bytes: Uint8Array, path: string): string {
  try {
    return utf8.decode(bytes);
  } catch (error) {
    throw new WebDatasetError('WDS_BAD_INDEX', 'the index is no UTF-8 text; remove it, or make it anew', { shard: path, cause: error });
  }
}
