import { atLeast } from './at-least.ts';
import { decoderTable } from './decode/default-decoders.ts';
import type { Fields, SampleOf } from './decode/decoder.ts';
import { WebDatasetError } from './errors.ts';
import { type FailureOptions, FailurePolicy } from './failure-policy.ts';
import { shardOrder } from './order/shard-order.ts';
import { LazySample } from './lazy-sample.ts';
import { resolveShards } from './resolve-shards.ts';
import { type CompleteSample, SampleGrouper, type SplitName, splitMemberName } from './sample.ts';
import { ExtensionDecoders, SampleDecoder, type StoredSample } from './sample-decoder.ts';
import { type ShardInput, shardName } from './source/shard-input.ts';
import { iterable, type Items } from './stages/stage.ts';
import { readTar, type TarEntry } from './tar/reader.ts';

/** How to read samples. */
export interface SamplesOptions extends FailureOptions {
  /** Read the shards in an order that `seed` and `epoch` determine; samples keep their order in each. Default false. */
  readonly shuffle?: boolean;
  /** A safe integer, 0 or more: of the shards' order, and of the random choices of decoders. Default 0. */
  readonly seed?: number;
  /** 0 to 2^32 - 1: gives each epoch choices of its own. Default 0. */
  readonly epoch?: number;
  /** Which members make up which sample. Default: the rule of Python webdataset. */
  readonly splitName?: SplitName;
  /** Ends the reading with its reason. */
  readonly signal?: AbortSignal;
}

/** A decoded sample. */
export type Sample<F extends Fields> = SampleOf<F> & {
  readonly __key__: string;
  /** Path, URL (without secrets) or name of its shard. */
  readonly __url__: string;
};

/** Where samples come from: what `resolveShards` takes, or any sequence of shards, whose length need not be known. */
export type Shards = string | Items<ShardInput>;

/**
 * The samples of shards, one after the other, read and decoded in the caller's thread. Memory holds one read window and one sample.
 * For batches, decoding in threads, exact resuming and ranks in step there is `Loader`; for everything else the stages (`map`,
 * `filter`, `batch`…) go on from here.
 *
 * `fields` says what is decoded, and the types follow: `{ jpg: image(), label: integer({ from: ['cls'] }) }`, or `['jpg', 'cls']` for
 * the default decoders. Without `fields` nothing is decoded before it is asked for, see {@link LazySample}.
 *
 * Each iteration begins anew. Leaving the loop closes what is open.
 *
 * @throws {@link WebDatasetError} `WDS_NO_SHARDS`, `WDS_BAD_SPEC`; what `onError` says of the faults of a shard or sample
 */
export function samples(shards: Shards, options?: SamplesOptions): AsyncIterable<LazySample>;
export function samples<const F extends Fields>(shards: Shards, options: SamplesOptions & { readonly fields: F }): AsyncIterable<Sample<F>>;
export function samples(shards: Shards, options: SamplesOptions & { readonly fields?: Fields } = {}): AsyncIterable<unknown> {
  const { fields, seed = 0, epoch = 0 } = options;
  atLeast('seed', seed, 0);
  atLeast('epoch', epoch, 0);
  if (options.maxFailures !== undefined) atLeast('maxFailures', options.maxFailures, 0);
  if (fields === undefined) {
    return iterable(() => {
      const decoders = new ExtensionDecoders(seed, epoch);
      return readSamples(shards, options, (sample) => new LazySample(sample, decoders));
    });
  }
  const table = decoderTable(fields);
  const reserved = ['__key__', '__url__'].find((name) => Object.hasOwn(table, name));
  if (reserved !== undefined) throw new RangeError(`a field cannot be named ${reserved}: every sample has that`);
  return iterable(async function* () {
    const decoder = await SampleDecoder.create(table, seed, epoch);
    yield* readSamples(shards, options, async (sample) => ({
      __key__: sample.key,
      __url__: sample.shard,
      ...(await decoder.decode(sample)),
    }));
  });
}

async function* readSamples<T>(
  shards: Shards,
  options: SamplesOptions,
  convert: (sample: StoredSample) => T | Promise<T>,
): AsyncGenerator<T, void, undefined> {
  const { signal, splitName = splitMemberName } = options;
  const policy = new FailurePolicy(options, options.epoch ?? 0);
  for await (const shard of orderedShards(shards, options)) {
    for await (const outcome of outcomesOf(shard, splitName, signal, convert)) {
      signal?.throwIfAborted();
      if ('value' in outcome) yield outcome.value;
      else if (policy.decide(outcome.failure) === 'end') return;
    }
  }
}

/** A sample, or what is wrong with it or with the rest of its shard. */
type Outcome<T> = { readonly value: T } | { readonly failure: WebDatasetError };

async function* outcomesOf<T>(
  shard: ShardInput,
  splitName: SplitName,
  signal: AbortSignal | undefined,
  convert: (sample: StoredSample) => T | Promise<T>,
): AsyncGenerator<Outcome<T>, void, undefined> {
  const name = shardName(shard);
  const grouper = new SampleGrouper<TarEntry>(name, splitName);
  const outcomeOf = async ({ key, fields, fault }: CompleteSample<TarEntry>): Promise<Outcome<T>> => {
    if (fault !== undefined) return { failure: fault };
    try {
      return { value: await convert({ key, fields, shard: name }) };
    } catch (error) {
      return { failure: faultOfData(error, signal) };
    }
  };
  try {
    for await (const entry of readTar(shard, signal === undefined ? {} : { signal })) {
      const complete = grouper.push(entry);
      if (complete !== undefined) yield await outcomeOf(complete);
    }
  } catch (error) {
    // The sample that was open is lost with the rest of the shard.
    yield { failure: faultOfData(error, signal) };
    return;
  }
  const last = grouper.finish();
  if (last !== undefined) yield await outcomeOf(last);
}

/** What a policy decides about; anything else, as an abort or a fault of the caller's own functions, is thrown. */
function faultOfData(error: unknown, signal: AbortSignal | undefined): WebDatasetError {
  if (error instanceof WebDatasetError && signal?.aborted !== true) return error;
  throw error;
}

async function* orderedShards(shards: Shards, options: SamplesOptions): AsyncGenerator<ShardInput, void, undefined> {
  if (options.shuffle !== true && typeof shards !== 'string' && !Array.isArray(shards)) {
    // Perhaps without an end, so one by one.
    for await (const shard of shards) yield* await resolveShards([shard]);
    return;
  }
  const list = await resolveShards(typeof shards === 'string' ? shards : await Array.fromAsync(shards));
  const order = options.shuffle === true ? shardOrder(list.length, options.seed ?? 0, options.epoch ?? 0) : list.keys();
  for (const index of order) {
    const shard = list[index];
    if (shard !== undefined) yield shard;
  }
}
