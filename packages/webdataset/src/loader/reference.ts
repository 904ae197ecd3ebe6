import type { WebDatasetError } from '../errors.ts';
import { MEMBER_WORDS, NONE } from '../workers/protocol.ts';
import type { ShardUse } from './shard-use.ts';
import type { WalkState } from './state.ts';
import type { WindowLease } from './window-pool.ts';

/** The samples of one window of a shard, in archive order. */
export interface ReferenceChunk {
  readonly use: ShardUse;
  readonly round: number;
  /** Number of the visit within the round. */
  readonly visit: number;
  readonly keys: readonly string[];
  /** Number of the first sample in its shard. */
  readonly first: number;
  /** As in a scan's reply. */
  readonly members: Float64Array;
  /** Samples that cannot be used, by index. */
  readonly faults: ReadonlyMap<number, WebDatasetError>;
  /** The window that holds the bytes, as long as it is valid. */
  readonly lease: WindowLease | undefined;
}

/** One sample, by where it lies. The order, and whatever is stored of it, is made of these. */
export interface SampleReference {
  readonly chunk: ReferenceChunk;
  readonly index: number;
}

/** A reference and its place in the rank's order. */
export interface PlacedReference {
  readonly reference: SampleReference;
  readonly position: number;
}

/** The numbers of a chunk that belong to each sample. */
export function chunkWidth(fields: number): number {
  return fields * MEMBER_WORDS + 1;
}

/** Where the walk over the shards stands behind a sample. */
export function walkBehind({ chunk, index }: SampleReference, fields: number): WalkState {
  const next = chunk.members[(index + 1) * chunkWidth(fields) - 1] ?? NONE;
  return { round: chunk.round, visit: chunk.visit, sample: chunk.first + index + 1, offset: next === NONE ? null : next };
}
