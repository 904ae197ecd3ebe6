import type { Fields } from '../decode/decoder.ts';
import type { OnError } from '../failure-policy.ts';
import type { Remainder } from '../order/visits.ts';
import type { ShardInput } from '../source/shard-input.ts';

/** How to load. */
export interface LoaderOptions<F extends Fields> {
  /**
   * A specification (`data/{000..099}.tar`, `a.tar::b.tar`, `data/*.tar`, a folder); a list of shards; or a list of such lists. The lists
   * of a list are read side by side, each in proportion to its length. The order of shards matters: an epoch's order is a function of
   * their places in the list.
   */
  readonly shards: string | readonly ShardInput[] | readonly (readonly ShardInput[])[];
  /** The decoders of the wanted fields by the name that the batch gives them, or extensions for the default decoders. */
  readonly fields: F;
  /** Samples a batch, at least 1. */
  readonly batchSize: number;
  /** A safe integer, 0 or more. Default 0. */
  readonly seed?: number;
  /** Threads that decode, besides those that read; 0 does all work in the caller's thread. Default 1. */
  readonly workers?: number;
  /** Shuffle shards and samples, anew for each epoch. False keeps the order of the list and of the archives. Default true. */
  readonly shuffle?: boolean;
  /** Samples in the shuffle buffer; 0 shuffles only the shards. Default 1000. */
  readonly shuffleBuffer?: number;
  /** Number of this process among those that share the data set. Default 0. */
  readonly rank?: number;
  /** Processes that share the data set, each with a run of its own of every epoch. Default 1. */
  readonly worldSize?: number;
  /** What happens to samples that cannot be divided equally among the ranks. Default `'pad'`: the first ones come again. */
  readonly remainder?: Remainder;
  /** Samples of an epoch, of all ranks together. Default: as many as there are. */
  readonly samplesPerEpoch?: number;
  /** Draw shards with replacement. Default false. */
  readonly resample?: boolean;
  /** Where indexes made by this library are kept. Default: the user's cache directory. */
  readonly indexDir?: string;
  /** `'auto'` makes the indexes that are needed and missing, by reading their shards once; `'existing'` refuses. Default `'auto'`. */
  readonly index?: 'auto' | 'existing';
  /** What happens to the samples that fill no whole batch at the end of an epoch. Default `'keep'`. */
  readonly lastBatch?: 'drop' | 'keep';
  /**
   * What happens when a sample, or (where the archive is damaged) the rest of a shard, cannot be used. Default `'raise'`.
   *
   * - `'raise'`: the epoch ends with the error, after all batches before it.
   * - `'skip'`: it is left out and the next sample takes its place; the channel `SKIPPED_CHANNEL` tells.
   * - `'warn'`: the same, and the process emits a warning for the 1st, 2nd, 4th, 8th… failure.
   * - `'stop'`: the epoch ends as if nothing came after it.
   */
  readonly onError?: OnError;
  /** With `'skip'` and `'warn'`: more failures than this in an epoch end it with `WDS_TOO_MANY_FAILURES`. Default: no limit. */
  readonly maxFailures?: number;
  /** Address of a module whose default export is a {@link SplitName}: which members make up which sample. Default: Python webdataset's rule. */
  readonly splitName?: string | URL;
  /** Batches that may exist at the same time, in use by the consumer included: at least 3. Default 2 a worker and 1 more. */
  readonly slots?: number;
  /** Ends everything: the running epoch rejects with the signal's reason, and the loader is closed. */
  readonly signal?: AbortSignal;
}
