import type { Evaluation } from '../training/evaluate.ts';
import type { TrainingObserver } from '../training/observer.ts';
import type { StepMeasure } from '../training/window.ts';
import { StepHistory } from './step-history.ts';
import type { Stretch } from './step-history.ts';

/** An evaluation, and after which step it was. */
export interface EvaluatedStep extends Evaluation {
  readonly step: number;
}

/** Collects what the plots of a report show. */
export class RunTrace implements TrainingObserver {
  readonly #now: () => number;
  readonly #evaluations: EvaluatedStep[] = [];
  #history: StepHistory;

  /** @param now a clock in ms */
  constructor(now: () => number) {
    this.#now = now;
    this.#history = new StepHistory(now());
  }

  get stretches(): readonly Stretch[] {
    return this.#history.stretches;
  }

  get evaluations(): readonly EvaluatedStep[] {
    return this.#evaluations;
  }

  onStart(): void {
    this.#history = new StepHistory(this.#now());
  }

  onStep(step: number, measure: StepMeasure): void {
    this.#history.add(step, measure, this.#now());
  }

  onEvaluation(step: number, evaluation: Evaluation): void {
    this.#evaluations.push({ step, ...evaluation });
    this.#history.skipTo(this.#now());
  }
}
