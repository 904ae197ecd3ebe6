import type { Compute } from '../compute/protocol.ts';
import type { CheckpointKeeper } from '../training/checkpoint-keeper.ts';
import type { Evaluation, TestImages } from '../training/evaluate.ts';
import type { TrainingObserver } from '../training/observer.ts';
import type { Progress } from '../training/train.ts';

/** The evaluations of a training, on the way and at its end; no state is evaluated twice. */
export class Evaluations {
  readonly #compute: Compute;
  readonly #images: Pick<TestImages, 'evaluate'> | undefined;
  readonly #keeper: Pick<CheckpointKeeper, 'offer'> | undefined;
  readonly #observer: Pick<Required<TrainingObserver>, 'onEvaluation'>;
  readonly #signal: AbortSignal;
  #last: { readonly step: number; readonly evaluation: Evaluation } | undefined;

  /** @param parts `images`: undefined without test data; `keeper`: undefined if the best state is not to be kept */
  constructor(parts: {
    readonly compute: Compute;
    readonly images: Pick<TestImages, 'evaluate'> | undefined;
    readonly keeper: Pick<CheckpointKeeper, 'offer'> | undefined;
    readonly observer: Pick<Required<TrainingObserver>, 'onEvaluation'>;
    readonly signal: AbortSignal;
  }) {
    this.#compute = parts.compute;
    this.#images = parts.images;
    this.#keeper = parts.keeper;
    this.#observer = parts.observer;
    this.#signal = parts.signal;
  }

  /** Evaluates the present state, which is that after `progress`; undefined without test data, and when a stop comes in between. */
  async evaluate(progress: Progress, when: 'on-the-way' | 'at-the-end'): Promise<Evaluation | undefined> {
    if (this.#images === undefined || this.#signal.aborted) return undefined;
    if (this.#last?.step === progress.step) return this.#last.evaluation;
    try {
      const evaluation = await this.#images.evaluate(this.#compute);
      this.#last = { step: progress.step, evaluation };
      this.#observer.onEvaluation(progress.step, evaluation, when);
      await this.#keeper?.offer(evaluation, progress, () => this.#compute.state());
      return evaluation;
    } catch (error) {
      // A stop is no fault of the evaluation; the training, too, ends now.
      if (error === this.#signal.reason) return undefined;
      throw error;
    }
  }
}
