import type { Compute } from '../compute/protocol.ts';
import { LoaderSource } from '../data/loader-source.ts';
import type { ModelShape } from '../model/network.ts';
import { TrainerError } from '../errors.ts';

export interface EvaluateOptions {
  readonly compute: Compute;
  readonly shards: readonly string[];
  /** Images are scaled to it. */
  readonly shape: ModelShape;
  readonly batchSize: number;
  /** Threads that decode. */
  readonly workers: number;
  /** Ends the evaluation with the signal's reason. */
  readonly signal: AbortSignal;
}

/** How well a network does on a data set. */
export interface Evaluation {
  /** Part of the images whose likeliest class is the right one, 0 to 1. */
  readonly accuracy: number;
  /** Mean cross entropy over the images, in nats. */
  readonly loss: number;
  readonly images: number;
}

/** Evaluates the present weights on every image of the shards. */
export async function evaluate({ compute, shards, shape, batchSize, workers, signal }: EvaluateOptions): Promise<Evaluation> {
  await using source = await LoaderSource.open({ shards, shape, batchSize, seed: 0, workers, order: 'as-stored', signal });
  let [loss, correct, images] = [0, 0, 0];
  for await (const batch of source.epoch(0, 0)) {
    const sums = await compute.evaluate(batch);
    batch.release();
    loss += sums.loss;
    correct += sums.correct;
    images += batch.size;
  }
  if (images === 0) throw new TrainerError('TOO_FEW_SAMPLES', 'the test shards have no sample');
  return { accuracy: correct / images, loss: loss / images, images };
}
