import { indexShards } from '@warpforge/webdataset';
import { DEFAULT_STEPS } from '../config/schema.ts';
import type { Config } from '../config/schema.ts';
import { TrainerError } from '../errors.ts';
import { printNote } from '../output.ts';

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
export async function trainingLength(
  { steps, epochs, schedule, batch_size }: Config,
  shards: readonly string[],
  signal: AbortSignal,
): Promise<TrainingLength> {
  if (epochs === undefined) return { steps: steps ?? DEFAULT_STEPS, epochs: Infinity };
  if (schedule === 'constant') return { steps: Infinity, epochs };
  const started = performance.now();
  let read = 0;
  const counts = await indexShards(shards, { signal, onProgress: ({ built }) => void (read += Number(built)) });
  const samples = counts.reduce((sum, count) => sum + count, 0);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  printNote(`samples=${samples}${read > 0 ? `  (${read} shards had no index and were read to count them, in ${seconds} s)` : ''}`);
  const stepsOfEpoch = Math.floor(samples / batch_size);
  if (stepsOfEpoch === 0) {
    throw new TrainerError('TOO_FEW_SAMPLES', 'the data set has fewer samples than one batch; lower --batch-size');
  }
  return { steps: epochs * stepsOfEpoch, epochs };
}
