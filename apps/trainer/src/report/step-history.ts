import type { StepMeasure } from '../training/window.ts';

/** Some steps in a row. */
export interface Stretch {
  readonly lastStep: number;
  readonly images: number;
  /** From the end of the stretch before to the end of this one, without evaluations. */
  readonly wallMs: number;
  /** Sums over the steps; `steps` of them. */
  readonly steps: number;
  readonly dataMs: number;
  readonly computeMs: number;
  /** Sum over the images. */
  readonly lossSum: number;
}

/** A line of a page's width with more points shows noise. Even, since stretches are halved in number. */
const MOST_STRETCHES = 256;

/**
 * The course of a training in bounded memory: one stretch a step at first; whenever there are too many, each two neighbours become one.
 * Nothing is lost but detail: sums over all stretches are those over all steps.
 */
export class StepHistory {
  #stretches: Stretch[] = [];
  /** Steps a stretch. */
  #length = 1;
  #endMs: number;

  /** @param startMs the time on the clock, in ms */
  constructor(startMs: number) {
    this.#endMs = startMs;
  }

  get stretches(): readonly Stretch[] {
    return this.#stretches;
  }

  /** Adds a step that ended at `nowMs`. */
  add(step: number, { images, dataMs, computeMs, loss }: StepMeasure, nowMs: number): void {
    const one: Stretch = { lastStep: step, images, wallMs: nowMs - this.#endMs, steps: 1, dataMs, computeMs, lossSum: loss * images };
    this.#endMs = nowMs;
    const last = this.#stretches.at(-1);
    if (last !== undefined && last.steps < this.#length) {
      this.#stretches.splice(-1, 1, joined(last, one));
      return;
    }
    if (this.#stretches.length === MOST_STRETCHES) {
      this.#length *= 2;
      this.#stretches = pairs(this.#stretches);
    }
    this.#stretches.push(one);
  }

  /** Leaves out the time since the last step, which was spent on something else than training. */
  skipTo(nowMs: number): void {
    this.#endMs = nowMs;
  }
}

function pairs(stretches: readonly Stretch[]): Stretch[] {
  const halved: Stretch[] = [];
  for (let index = 0; index < stretches.length; index += 2) {
    const [first, second] = stretches.slice(index, index + 2);
    if (first !== undefined) halved.push(second === undefined ? first : joined(first, second));
  }
  return halved;
}

function joined(a: Stretch, b: Stretch): Stretch {
  return {
    lastStep: b.lastStep,
    images: a.images + b.images,
    wallMs: a.wallMs + b.wallMs,
    steps: a.steps + b.steps,
    dataMs: a.dataMs + b.dataMs,
    computeMs: a.computeMs + b.computeMs,
    lossSum: a.lossSum + b.lossSum,
  };
}
