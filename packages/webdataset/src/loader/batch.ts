import type { BatchOf, Fields } from '../decode/decoder.ts';
import type { LoaderState } from './state.ts';

/** What every batch has besides its fields. */
export interface BatchHandle extends Disposable {
  /** One key a sample. */
  readonly __key__: readonly string[];
  /** What each sample's shard is called: its path, its URL without secrets, or its own name. */
  readonly __url__: readonly string[];
  /** Number of samples. */
  readonly size: number;
  /** Gives the batch's memory back for a later batch; its tensors must not be used any more. A second call does nothing. */
  release(): void;
  /**
   * Where the loader stands right behind this batch, as plain data for JSON. To be asked for until the batch is released, also when
   * later batches were already taken.
   *
   * @throws {@link WebDatasetError} `WDS_CLOSED` when the batch was released
   */
  state(): LoaderState;
}

/** Some samples: their fields by name, as tensors in shared memory (valid until `release`) or as arrays of one value a sample. */
export type Batch<F extends Fields> = BatchOf<F> & BatchHandle;

/** Names that fields cannot have, as every batch has them. */
export const RESERVED_FIELD_NAMES: readonly string[] = ['__key__', '__url__', 'size', 'release', 'state'] satisfies (keyof BatchHandle)[];
