import type { Batch } from '../data/batch-source.ts';
import type { SourceStats } from '../data/loader-source.ts';
import type { Evaluation } from './evaluate.ts';
import type { StepMeasure, WindowSummary } from './window.ts';

/** Who wants to know what happens in a training. Called in its course, so it must be quick and must not throw. */
export interface TrainingObserver {
  /** The training data is open; what was read of it so far can be asked for at any time. */
  onOpen?(stats: () => SourceStats): void;
  /** All is ready and the first step comes now. */
  onStart?(): void;
  /** A step is done; the batch is still held. */
  onStep?(step: number, measure: StepMeasure, batch: Batch): void;
  /** `logEvery` steps are done, or the training has ended; `step` is the last one of the window. */
  onWindow?(step: number, window: WindowSummary): void;
  /** The weights after `step` were evaluated: in the course of the training, or at its end. */
  onEvaluation?(step: number, evaluation: Evaluation, when: 'on-the-way' | 'at-the-end'): void;
}

/** All of some observers as one; they are told in their order. */
export function observers(all: readonly TrainingObserver[]): Required<TrainingObserver> {
  return {
    onOpen: (...event) => all.forEach((observer) => observer.onOpen?.(...event)),
    onStart: () => all.forEach((observer) => observer.onStart?.()),
    onStep: (...event) => all.forEach((observer) => observer.onStep?.(...event)),
    onWindow: (...event) => all.forEach((observer) => observer.onWindow?.(...event)),
    onEvaluation: (...event) => all.forEach((observer) => observer.onEvaluation?.(...event)),
  };
}
