import { atLeast } from '../at-least.ts';
import type { DecoderTable, Fields } from '../decode/decoder.ts';
import { decoderTable } from '../decode/default-decoders.ts';
import { ShardsNotFoundError } from '../errors.ts';
import type { OnError } from '../failure-policy.ts';
import type { LoaderOptions } from './loader-options.ts';
import type { Remainder } from '../order/visits.ts';
import { resolveShards } from '../resolve-shards.ts';
import type { ShardInput } from '../source/shard-input.ts';
import { RESERVED_FIELD_NAMES } from './batch.ts';
import { SlotLayout } from './slot-layout.ts';
import type { OrderIdentity } from './state.ts';

/** The options of a loader with their defaults, checked. */
export interface LoaderSettings {
  /** All shards, group after group. */
  readonly shards: readonly ShardInput[];
  readonly decoders: DecoderTable;
  readonly layout: SlotLayout;
  readonly batchSize: number;
  readonly workers: number;
  readonly slots: number;
  readonly remainder: Remainder;
  readonly samplesPerEpoch: number | undefined;
  readonly indexDir: string | undefined;
  readonly index: 'auto' | 'existing';
  readonly lastBatch: 'drop' | 'keep';
  readonly onError: OnError;
  readonly maxFailures: number;
  readonly splitName: string | undefined;
  /** What the order of samples depends on. */
  readonly order: OrderIdentity;
}

/** The consumer has one, an incomplete one may be kept after a skipped sample, and one must be left to decode into. */
const MIN_SLOTS = 3;

/**
 * Puts options and defaults together.
 *
 * @throws RangeError or TypeError when an option is out of range; {@link ShardsNotFoundError} when there are no shards
 */
export async function loaderSettings<F extends Fields>(options: LoaderOptions<F>): Promise<LoaderSettings> {
  const { batchSize, seed = 0, workers = 1, shuffle = true, shuffleBuffer = 1000, rank = 0, worldSize = 1 } = options;
  const { remainder = 'pad', samplesPerEpoch, resample = false, indexDir, index = 'auto', lastBatch = 'keep' } = options;
  const { onError = 'raise', maxFailures = Infinity, slots = Math.max(MIN_SLOTS, 2 * workers + 1) } = options;
  atLeast('batchSize', batchSize, 1);
  atLeast('seed', seed, 0);
  atLeast('workers', workers, 0);
  atLeast('slots', slots, MIN_SLOTS);
  atLeast('shuffleBuffer', shuffleBuffer, 0);
  if (maxFailures !== Infinity) atLeast('maxFailures', maxFailures, 0);
  const decoders = decoderTable(options.fields);
  checkNames(Object.keys(decoders));
  const layout = new SlotLayout(decoders, batchSize);
  const splitName = options.splitName?.toString();
  const groups = await groupsOf(options.shards);
  const shards = groups.flat();
  if (shards.length === 0) throw new ShardsNotFoundError('the list of shards is empty');
  const order: OrderIdentity = {
    ...{ seed, rank, worldSize, remainder, shuffle, shuffleBuffer: shuffle ? shuffleBuffer : 0, resample },
    samplesPerEpoch: samplesPerEpoch ?? null,
    groups: groups.map(({ length }) => length),
    fields: Object.fromEntries(layout.fields.map(({ name, from, isOptional }) => [name, { from, isOptional }])),
    splitName: splitName ?? null,
  };
  return {
    ...{ shards, decoders, layout, batchSize, workers, slots, remainder, samplesPerEpoch, indexDir, index, lastBatch, onError },
    ...{ maxFailures, splitName, order },
  };
}

/** A specification is one group; a list is one, taken as it is; a list of lists has as many as lists. */
async function groupsOf(shards: LoaderOptions<Fields>['shards']): Promise<readonly (readonly ShardInput[])[]> {
  if (typeof shards === 'string') return [await resolveShards(shards)];
  return isGrouped(shards) ? shards : [shards];
}

function isGrouped(shards: readonly ShardInput[] | readonly (readonly ShardInput[])[]): shards is readonly (readonly ShardInput[])[] {
  return shards.length > 0 && shards.every((entry) => Array.isArray(entry));
}

function checkNames(names: readonly string[]): void {
  if (names.length === 0) throw new TypeError('fields must name at least one field');
  const taken = names.find((name) => RESERVED_FIELD_NAMES.includes(name));
  if (taken === undefined) return;
  throw new TypeError(`fields cannot have the name "${taken}", as every batch has it; choose another one and say from: ['${taken}']`);
}
