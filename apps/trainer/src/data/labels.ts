import { TrainerError } from '../errors.ts';

/** Throws if a label is no class: the loss would silently leave such an image out. `keys` and `shards` say where each label is from. */
export function checkLabels(labels: Int32Array, keys: readonly string[], shards: readonly string[], classes: number): void {
  const index = labels.findIndex((label) => label < 0 || label >= classes);
  if (index === -1) return;
  const fault = `the label ${labels[index] ?? '?'} is not in 0 to ${classes - 1}; set --classes to the number of classes`;
  throw new TrainerError('LABEL_OUT_OF_RANGE', `${shards[index] ?? ''}, sample "${keys[index] ?? ''}": ${fault}`);
}
