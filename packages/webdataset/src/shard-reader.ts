import { WebDatasetError } from './errors.ts';
import type { SampleGroup } from './sample.ts';
import { type CheckedShard, headerMismatch } from './shard-index/check-index.ts';
import { type IndexOptions, IndexStore } from './shard-index/index-store.ts';
import type { IndexedField, IndexedSample, ShardIndex } from './shard-index/shard-index.ts';
import { openAtRandom } from './shard-index/open-at-random.ts';
import { locate } from './source/locate.ts';
import { openShard } from './source/open-shard.ts';
import { type CustomShard, type ShardInput, shardName } from './source/shard-input.ts';
import { BLOCK_SIZE } from './tar/header.ts';

/** A sample with its bytes. */
export interface RawSample extends SampleGroup<Buffer> {
  /** Number of the sample in its shard, from 0. */
  readonly number: number;
}

/**
 * Random access to the samples of one shard, by key or by number. It works from the shard's index, which is made by one pass over the
 * shard where there is none; a compressed or custom shard is first written, uncompressed, to a temporary file.
 *
 * Reads may run side by side. Close it with `await using` or `[Symbol.asyncDispose]()`.
 */
export class ShardReader implements AsyncDisposable {
  /** What messages call the shard: its path, URL or name. */
  readonly name: string;
  readonly #index: ShardIndex;
  readonly #numbers = new Map<string, number>();
  readonly #bytes: OpenBytes;
  #closed = false;

  private constructor(name: string, index: ShardIndex, bytes: OpenBytes) {
    this.name = name;
    this.#index = index;
    this.#bytes = bytes;
    for (const [number, { key = '' }] of index.samples.entries()) if (!this.#numbers.has(key)) this.#numbers.set(key, number);
  }

  /**
   * Opens a shard.
   *
   * @throws {@link WebDatasetError} when it cannot be read, or is damaged
   */
  static async open(shard: ShardInput, options: IndexOptions = {}): Promise<ShardReader> {
    const bytes = await openBytes(shard, options.signal);
    try {
      return new ShardReader(shardName(shard), await new IndexStore(options).loadWithKeys(shard, bytes.copy), bytes);
    } catch (error) {
      await bytes[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Number of samples. */
  get length(): number {
    return this.#index.samples.length;
  }

  /** The keys, in the order of the archive. */
  *keys(): Generator<string, void, undefined> {
    for (const { key = '' } of this.#index.samples) yield key;
  }

  /** True when a sample has this key. */
  has(key: string): boolean {
    return this.#numbers.has(key);
  }

  /**
   * The sample with a key (the first one, if there are several; {@link at} reaches the others), or with a number.
   *
   * @throws {@link WebDatasetError} `WDS_NOT_FOUND`; as {@link at}
   */
  async get(key: string | number): Promise<RawSample> {
    const number = typeof key === 'number' ? key : this.#numbers.get(key);
    if (number === undefined) {
      throw new WebDatasetError('WDS_NOT_FOUND', `there is no sample with the key "${key}" among the ${this.length}`, { shard: this.name });
    }
    return this.at(number);
  }

  /**
   * The sample with a number, from 0 to {@link length} - 1.
   *
   * @throws {@link WebDatasetError} `WDS_NOT_FOUND` when there is none; `WDS_DUPLICATE_FIELD`; `WDS_READ`; `WDS_CHANGED` when the shard
   *   is no longer the one that was indexed; `WDS_CLOSED`
   */
  async at(number: number): Promise<RawSample> {
    if (this.#closed) throw new WebDatasetError('WDS_CLOSED', 'the shard reader is closed', { shard: this.name });
    const sample = this.#index.samples[number];
    if (sample === undefined) {
      const range = this.length === 0 ? 'the shard is empty' : `numbers go from 0 to ${this.length - 1}`;
      throw new WebDatasetError('WDS_NOT_FOUND', `there is no sample number ${number}: ${range}`, { shard: this.name });
    }
    const { key = '' } = sample;
    this.#refuseDuplicates(sample);
    const fields = await Promise.all([...sample.fields].map(async ([field, place]) => [field, await this.#read(place, key)] as const));
    return { key, number, fields: new Map(fields) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#bytes[Symbol.asyncDispose]();
  }

  #refuseDuplicates({ key, duplicates: [duplicate] = [] }: IndexedSample): void {
    if (duplicate === undefined) return;
    const { field, offset } = duplicate;
    throw new WebDatasetError('WDS_DUPLICATE_FIELD', `the sample has two members with the extension "${field}"`, {
      shard: this.name,
      key,
      offset: offset - BLOCK_SIZE,
    });
  }

  /** The data of a field, together with the header before it: which shows that the shard is still the one that was indexed. */
  async #read(place: IndexedField, key: string): Promise<Buffer> {
    const start = place.offset - BLOCK_SIZE;
    const bytes = await this.#bytes.read(start, BLOCK_SIZE + place.size);
    const mismatch = bytes.length < BLOCK_SIZE + place.size ? 'the shard ends there' : headerMismatch(place, bytes, this.#bytes.size);
    if (mismatch === undefined) return bytes.subarray(BLOCK_SIZE);
    throw new WebDatasetError('WDS_CHANGED', `the shard is not the one that was indexed: ${mismatch}; open it again`, {
      shard: this.name,
      key,
      offset: place.offset,
    });
  }
}

/** A shard open at random. */
interface OpenBytes extends CheckedShard, AsyncDisposable {
  /** The same bytes as a shard, where they were uncompressed or copied to get here. */
  readonly copy: CustomShard | undefined;
}

async function openBytes(shard: ShardInput, signal: AbortSignal | undefined): Promise<OpenBytes> {
  if (typeof shard === 'string') {
    const stored = await openAtRandom(shard, signal);
    if (stored.isRandom) return { ...stored, copy: undefined };
    await stored[Symbol.asyncDispose]();
  }
  const options = signal === undefined ? {} : { signal };
  const located = await locate(shard, options);
  const bytes = await openShard(located.location, options).catch(async (error: unknown) => {
    await located[Symbol.asyncDispose]();
    throw error;
  });
  const read = (position: number, length: number): Buffer | Promise<Buffer> => bytes.read(Buffer.allocUnsafeSlow(length), position);
  return {
    size: bytes.size,
    read,
    copy: { name: bytes.name, size: bytes.size, open: () => inPieces(bytes.size, read) },
    [Symbol.asyncDispose]: async () => {
      await bytes[Symbol.asyncDispose]();
      await located[Symbol.asyncDispose]();
    },
  };
}

/** Bytes read at once to index a copy. */
const PIECE_BYTES = 1024 * 1024;

async function* inPieces(size: number, read: CheckedShard['read']): AsyncGenerator<Uint8Array, void, undefined> {
  for (let position = 0; position < size; position += PIECE_BYTES) yield await read(position, Math.min(PIECE_BYTES, size - position));
}
