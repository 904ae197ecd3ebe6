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
import { WebDatasetError } from '../errors.ts';

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
 *   `remainder` is `error` and there is one
 * @throws RangeError when a setting is out of range
 */
export function planVisits(settings: OrderSettings): VisitPlan {
  void settings;
  throw new WebDatasetError('WDS_INDEX_REQUIRED', 'not there yet');
}
