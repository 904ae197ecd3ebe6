import { createHash } from 'node:crypto';
import type { Batch } from '../data/batch-source.ts';
import type { TrainingObserver } from './observer.ts';
import type { StepMeasure } from './window.ts';

/** Stands for the keys of all images that were trained on, in their order: equal for two trainings that saw the same. */
export class OrderHash implements TrainingObserver {
  readonly #hash = createHash('sha256');

  onStep(_step: number, _measure: StepMeasure, { keys }: Batch): void {
    for (const key of keys) this.#hash.update(`${key}\n`);
  }

  /** So far, in hexadecimal. */
  digest(): string {
    return this.#hash.copy().digest('hex');
  }
}
