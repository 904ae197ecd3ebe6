/**
 * Where a loader stands: what `batch.state()` gives and `loader.resume(state)` takes. Plain data, made for JSON.
 *
 * It counts positions in the order, not batches or bytes: skipped samples count as much as good ones. A position is the number of
 * samples that have left the shuffle buffer since the rank's epoch began. What lies between the canonical walk over the shards and that
 * position is in the shuffle buffer, whose references and random state are stored with it. So nothing has to be walked again.
 */
import type { WebDatasetErrorCode } from '../errors.ts';
import type { RandomState } from '../order/random.ts';

/** Raised when the meaning of a field changes; other versions are refused. */
export const STATE_VERSION = 1;

/** Everything that `resume` needs to go on right behind a batch. */
export interface LoaderState {
  readonly version: typeof STATE_VERSION;
  /** Stands for names and sizes of all shards, in order; never for where they are. */
  readonly fingerprint: string;
  /** The settings that decide which sample is at which place; all must be the same for `resume`. */
  readonly order: OrderIdentity;
  readonly epoch: number;
  /** Samples that the rank's order has passed, skipped ones included. */
  readonly position: number;
  /** Samples that were delivered. */
  readonly delivered: number;
  /** Samples and shards that were left out. */
  readonly failures: number;
  /** Where the walk over the shards goes on. */
  readonly walk: WalkState;
  /** The shuffle buffer. */
  readonly buffer: BufferState;
}

/** The settings that an order depends on. */
export interface OrderIdentity {
  readonly seed: number;
  readonly rank: number;
  readonly worldSize: number;
  readonly remainder: 'pad' | 'drop' | 'error';
  readonly shuffle: boolean;
  readonly shuffleBuffer: number;
  readonly resample: boolean;
  readonly samplesPerEpoch: number | null;
  /** Shards per group. */
  readonly groups: readonly number[];
  /** The members that each field is made of: extensions by name of the field. A missing one decides what is skipped. */
  readonly fields: Readonly<Record<string, { readonly from: readonly string[]; readonly isOptional: boolean }>>;
  /** Address of the module with the rule of names; null is the standard one. */
  readonly splitName: string | null;
}

/** A place in the canonical walk: the next sample to read. */
export interface WalkState {
  /** How often the rank has gone through its shards to the end. */
  readonly round: number;
  /** Number of the visit within the round. */
  readonly visit: number;
  /** Number of the next sample within the shard; null at the beginning of a visit. */
  readonly sample: number | null;
  /** Byte of the shard where that sample starts; null: its shard is scanned from its start. */
  readonly offset: number | null;
}

/** References that have not left the shuffle buffer. */
export interface BufferState {
  readonly random: RandomState;
  readonly items: readonly StoredReference[];
}

/** One sample, by where it lies. */
export interface StoredReference {
  /** Number of the shard in the list. */
  readonly shard: number;
  readonly key: string;
  /** Offset and size by field, in the order of the fields; a missing optional field is -1, 0. */
  readonly members: readonly number[];
  /** Set for a sample that breaks a rule: code, reason and byte. */
  readonly fault?: { readonly code: WebDatasetErrorCode; readonly reason: string; readonly offset: number | null };
}
