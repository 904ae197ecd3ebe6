/**
 * Which shards a process reads in an epoch, and in what order: the canonical order of an epoch, and each rank's part of it.
 *
 * 1. The shards of each group are permuted by (seed, epoch), or stay in the order of the list.
 * 2. The groups are merged in proportion to their numbers of shards, so that every stretch of the epoch reads from all of them.
 *    The samples of the shards in this order, each shard's in archive order, are the canonical order of the epoch.
 * 3. It is cut into runs of equal length, one a rank, by sample: a shard at a boundary serves two ranks. A run then goes through its
 *    rank's own shuffle buffer (shuffled-order.ts).
 *
 * Nothing here knows of names, bytes, time or faults: it is a pure function of its settings, and never estimates.
 */
import { ShardsNotFoundError, WebDatasetError } from '../errors.ts';
import { canonicalShards, groupStarts, groupTurns } from './canonical-shards.ts';
import { Random } from './random.ts';
import { RESAMPLE_STREAM } from './streams.ts';

/** Samples of one shard, to be read front to back. */
export interface Visit {
  /** Number of the shard in the list. */
  readonly shard: number;
  /** The first sample to use, counted from 0 in the shard. */
  readonly first: number;
  /** The sample after the last one to use; Infinity stands for the end of the shard. */
  readonly end: number;
}

/** How ranks settle a number of samples that they cannot share equally. */
export type Remainder = 'pad' | 'drop' | 'error';

/** What an epoch's order depends on. */
export interface OrderSettings {
  /** A safe integer, 0 or more. */
  readonly seed: number;
  /** 0 to 2^32 - 1. */
  readonly epoch: number;
  /** Permute the shards; false keeps the order of the list (groups merged). */
  readonly shuffle: boolean;
  /** Shards in each group, in the order of the list; most data sets are one group. */
  readonly groups: readonly number[];
  /** Samples in each shard. Without `samplesPerEpoch`, a world of several ranks needs them. */
  readonly counts?: readonly number[] | undefined;
  /** Which part is asked for: 0 to `worldSize - 1`. */
  readonly rank: number;
  /** Processes that share an epoch, 1 or more. */
  readonly worldSize: number;
  /**
   * `pad` repeats samples from the beginning of the canonical order, `drop` leaves its last ones out, `error` throws. Applies to
   * `samplesPerEpoch` too, which is rounded up, rounded down, or refused.
   */
  readonly remainder: Remainder;
  /**
   * Samples that all ranks together deliver. Shards then belong to ranks as a whole, in contiguous runs, so that no counts are
   * needed (nor used, if given); a rank whose shards have fewer samples than its share goes round them again.
   */
  readonly samplesPerEpoch?: number | undefined;
  /** Draw shards with replacement, every rank for itself; the length is that of all shards, or `samplesPerEpoch`. */
  readonly resample: boolean;
}

/** A rank's part of an epoch. */
export interface VisitPlan {
  /**
   * What to read, lazily; every call starts anew.
   *
   * @param round 0 is the epoch itself. Where `samples` is agreed and the epoch had too few (shards with fewer samples than the rank's
   *   share, or skipped ones to replace), the next rounds go on: the same visits again, or, when resampling, further draws. A round
   *   without one good sample will not be followed by one that has.
   */
  visits(round?: number): Iterable<Visit>;
  /** What this rank delivers, exactly, like every other one. Undefined for a rank by itself: one round, less what is skipped. */
  readonly samples: number | undefined;
}

/**
 * Plans a rank's part of an epoch.
 *
 * @throws {@link WebDatasetError} `WDS_INDEX_REQUIRED` when ranks cannot share without knowing the counts; `WDS_UNEQUAL` when
 *   `remainder` is `error` and there is one, or `drop` would leave nothing
 * @throws RangeError when a setting is out of range
 */
export function planVisits(settings: OrderSettings): VisitPlan {
  validate(settings);
  const { counts, worldSize, samplesPerEpoch, resample } = settings;
  if (samplesPerEpoch !== undefined) {
    const samples = share(samplesPerEpoch, settings);
    return { samples, visits: resample ? (round = 0) => drawnShards(settings, round) : wholeShards(settings) };
  }
  if (worldSize === 1 && !resample) return { samples: undefined, visits: wholeShards(settings) };
  if (counts === undefined) {
    const why = resample
      ? 'resampling needs to know how long an epoch is'
      : `${worldSize} ranks cannot share samples that nobody has counted`;
    throw new WebDatasetError('WDS_INDEX_REQUIRED', `${why}; index the shards, or say how many samples make an epoch (samplesPerEpoch)`);
  }
  const total = counts.reduce((sum, count) => sum + count, 0);
  const samples = share(total, settings);
  return {
    samples,
    visits: resample
      ? (round = 0) => drawnSamples(settings, round, counts, samples)
      : () => equalRun(settings, counts, settings.rank * samples, samples),
  };
}

/** How many of `total` samples each rank delivers. */
function share(total: number, { worldSize, remainder }: OrderSettings): number {
  const left = total % worldSize;
  if (left === 0) return total / worldSize;
  if (remainder === 'error') {
    const advice = `choose remainder 'pad' or 'drop', or a world size that divides ${total}`;
    throw new WebDatasetError('WDS_UNEQUAL', `${worldSize} ranks cannot share ${total} samples equally (${left} remain); ${advice}`);
  }
  if (remainder === 'drop' && total < worldSize) {
    throw new WebDatasetError(
      'WDS_UNEQUAL',
      `${worldSize} ranks cannot share ${total} samples: remainder 'drop' would leave nothing; choose 'pad'`,
    );
  }
  return remainder === 'pad' ? Math.ceil(total / worldSize) : Math.floor(total / worldSize);
}

/** `length` samples of the canonical order from number `start` on; it begins again where it ends. */
function* equalRun(settings: OrderSettings, counts: readonly number[], start: number, length: number): Generator<Visit, void, undefined> {
  let before = start;
  let left = length;
  while (left > 0) {
    for (const shard of canonicalShards(settings)) {
      const count = counts[shard] ?? 0;
      const first = Math.min(before, count);
      before -= first;
      const end = Math.min(count, first + left);
      if (end === first) continue;
      left -= end - first;
      yield { shard, first, end };
      if (left === 0) return;
    }
  }
}

/** A contiguous run of whole shards in canonical order; the runs of all ranks differ by one shard at most. */
function wholeShards(settings: OrderSettings): () => Iterable<Visit> {
  const { rank, worldSize } = settings;
  const shards = shardCount(settings);
  if (shards < worldSize) {
    throw new WebDatasetError(
      'WDS_INDEX_REQUIRED',
      `${worldSize} ranks cannot share ${shards} shards as a whole; leave samplesPerEpoch away, so that indexes are used, or pack into more shards`,
    );
  }
  const first = Math.floor((rank * shards) / worldSize);
  const end = Math.floor(((rank + 1) * shards) / worldSize);
  return function* (): Generator<Visit, void, undefined> {
    let place = 0;
    for (const shard of canonicalShards(settings)) {
      if (place >= end) return;
      if (place++ >= first) yield { shard, first: 0, end: Infinity };
    }
  };
}

/** As many draws as this rank would have shards. */
function* drawnShards(settings: OrderSettings, round: number): Generator<Visit, void, undefined> {
  let left = Math.ceil(shardCount(settings) / settings.worldSize);
  for (const shard of draws(settings, round)) {
    if (left-- === 0) return;
    yield { shard, first: 0, end: Infinity };
  }
}

/** As many draws as make `length` samples. */
function* drawnSamples(
  settings: OrderSettings,
  round: number,
  counts: readonly number[],
  length: number,
): Generator<Visit, void, undefined> {
  let left = length;
  if (left === 0) return;
  for (const shard of draws(settings, round)) {
    const end = Math.min(counts[shard] ?? 0, left);
    if (end === 0) continue;
    left -= end;
    yield { shard, first: 0, end };
    if (left === 0) return;
  }
}

/** Shards drawn with replacement, endlessly: the groups take turns as ever, and whose turn it is draws one of its own. */
function* draws({ seed, epoch, rank, worldSize, groups }: OrderSettings, round: number): Generator<number, void, undefined> {
  const random = new Random(seed, epoch, RESAMPLE_STREAM, rank + worldSize * round);
  const starts = groupStarts(groups);
  for (;;) for (const group of groupTurns(groups)) yield (starts[group] ?? 0) + random.below(groups[group] ?? 0);
}

function shardCount({ groups }: OrderSettings): number {
  return groups.reduce((sum, count) => sum + count, 0);
}

function validate(settings: OrderSettings): void {
  const { seed, epoch, groups, counts, rank, worldSize, samplesPerEpoch } = settings;
  between('seed', seed, 0, Number.MAX_SAFE_INTEGER);
  between('epoch', epoch, 0, 0xffff_ffff);
  between('worldSize', worldSize, 1, MAX_WORLD_SIZE);
  between('rank', rank, 0, worldSize - 1);
  if (samplesPerEpoch !== undefined) between('samplesPerEpoch', samplesPerEpoch, 1, Number.MAX_SAFE_INTEGER);
  const shards = shardCount(settings);
  if (shards === 0) throw new ShardsNotFoundError('the list of shards is empty');
  for (const count of groups) between('a group of shards', count, 0, shards);
  if (counts === undefined) return;
  if (counts.length !== shards) throw new RangeError(`counts must have one number a shard: ${shards}, got ${counts.length}`);
  for (const count of counts) between('the count of a shard', count, 0, Number.MAX_SAFE_INTEGER);
}

/** So that a thousand rounds of draws have streams of their own; the largest machines have tens of thousands of accelerators. */
const MAX_WORLD_SIZE = 2 ** 22;

function between(name: string, value: number, least: number, most: number): void {
  if (!Number.isSafeInteger(value) || value < least || value > most) {
    throw new RangeError(`${name} must be an integer from ${least} to ${most}, got ${value}`);
  }
}
