import { TrainerError } from '../errors.ts';
import type { Batch } from './batch-source.ts';

/** Throws if a label is not one of `classes`: the loss would silently leave such an image out. */
export function checkLabels(batch: Batch, classes: number): void {
  const index = batch.labels.subarray(0, batch.size).findIndex((label) => label < 0 || label >= classes);
  if (index === -1) return;
  throw new TrainerError(
    'LABEL_OUT_OF_RANGE',
    `sample "${batch.keys[index] ?? '?'}": the label ${batch.labels[index] ?? '?'} is not in 0 to ${classes - 1}; set --classes to the number of classes`,
  );
}
