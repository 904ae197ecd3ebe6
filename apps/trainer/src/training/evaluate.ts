import type { Compute } from '../compute/protocol.ts';
import { LoaderSource } from '../data/loader-source.ts';
import type { LoaderSourceOptions } from '../data/loader-source.ts';
import { TrainerError } from '../errors.ts';

/** How well a network does on a data set. */
export interface Evaluation {
  /** Part of the images whose likeliest class is the right one, 0 to 1. */
  readonly accuracy: number;
  /** Mean cross entropy over the images, in nats. */
  readonly loss: number;
  readonly images: number;
}

/** Every image of the test shards once. Opened when it is first needed, and kept for the evaluations that follow. */
export class TestImages implements AsyncDisposable {
  readonly #options: LoaderSourceOptions;
  #source: Promise<LoaderSource> | undefined;

  constructor(options: Omit<LoaderSourceOptions, 'seed' | 'order' | 'augment'>) {
    this.#options = { ...options, seed: 0, order: 'as-stored', augment: 'none' };
  }

  /** Evaluates the present weights. */
  async evaluate(compute: Compute): Promise<Evaluation> {
    const source = await (this.#source ??= LoaderSource.open(this.#options));
    let [loss, correct, images] = [0, 0, 0];
    for await (const batch of source.epoch(0)) {
      const sums = await compute.evaluate(batch);
      batch.release();
      loss += sums.loss;
      correct += sums.correct;
      images += batch.size;
    }
    if (images === 0) throw new TrainerError('TOO_FEW_SAMPLES', 'the test shards have no sample');
    return { accuracy: correct / images, loss: loss / images, images };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // If it could not be opened, whoever evaluated knows.
    const source = await this.#source?.catch(() => undefined);
    await source?.[Symbol.asyncDispose]();
  }
}
