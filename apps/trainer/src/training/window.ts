/** What a stretch of training looked like. */
export interface WindowSummary {
  readonly steps: number;
  readonly images: number;
  /** Images divided by the time on the clock, checkpoints and all else included, but for evaluations. */
  readonly imagesPerSec: number;
  /** Mean time that a step waited for its data. */
  readonly dataMs: number;
  /** Mean time that a step computed. */
  readonly computeMs: number;
  /** Mean over the images, each by the weights with which it was trained. */
  readonly loss: number;
}

/** Times and loss of one step. */
export interface StepMeasure {
  readonly images: number;
  readonly dataMs: number;
  readonly computeMs: number;
  /** Mean over the images of the step. */
  readonly loss: number;
}

/** Adds up steps from its creation on. */
export class Window {
  #start: number;
  #steps = 0;
  #images = 0;
  #dataMs = 0;
  #computeMs = 0;
  #lossSum = 0;

  /** @param startMs the time on the clock, in ms */
  constructor(startMs: number) {
    this.#start = startMs;
  }

  get isEmpty(): boolean {
    return this.#steps === 0;
  }

  add({ images, dataMs, computeMs, loss }: StepMeasure): void {
    this.#steps++;
    this.#images += images;
    this.#dataMs += dataMs;
    this.#computeMs += computeMs;
    this.#lossSum += loss * images;
  }

  /** Leaves out a time that passed since the creation and was spent on something else than training. */
  exclude(ms: number): void {
    this.#start += ms;
  }

  /** The summary up to the time `nowMs`; of no steps, all zeros. */
  summary(nowMs: number): WindowSummary {
    const over = (sum: number, count: number): number => (count === 0 ? 0 : sum / count);
    return {
      steps: this.#steps,
      images: this.#images,
      imagesPerSec: over(this.#images * 1000, nowMs - this.#start),
      dataMs: over(this.#dataMs, this.#steps),
      computeMs: over(this.#computeMs, this.#steps),
      loss: over(this.#lossSum, this.#images),
    };
  }
}

/** The log line of the window that ends with `step`; tools read it, so its format is fixed. */
export function logLine(step: number, window: WindowSummary): string {
  return [
    `step=${step}`,
    `images_per_sec=${window.imagesPerSec.toFixed(1)}`,
    `data_ms=${window.dataMs.toFixed(2)}`,
    `compute_ms=${window.computeMs.toFixed(2)}`,
    `loss=${window.loss.toFixed(4)}`,
  ].join('  ');
}
