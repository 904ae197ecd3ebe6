import { fractionOf } from '../key-hash.ts';

/** A part of a data set. */
export interface Part {
  /** Name of its folder. */
  readonly name: string;
  /** What it gets of all samples, more than 0 and less than 1. */
  readonly share: number;
}

/** Which of `parts` a sample belongs to, by its number; it depends on its key and the seed alone. */
export function partOf(key: string, parts: readonly Part[], seed: number): number {
  const fraction = fractionOf(seed, key);
  let end = 0;
  for (const [index, { share }] of parts.entries()) {
    end += share;
    if (fraction < end) return index;
  }
  return parts.length - 1;
}
