import { createHash } from 'node:crypto';

/**
 * A number from 0 (included) to 1 for a key, evenly spread: the first 48 bits of the SHA-256 of `seed/key`. It depends on nothing else,
 * so a sample keeps its number when others come or go.
 */
export function fractionOf(seed: number, key: string): number {
  return createHash('sha256').update(`${seed}/${key}`).digest().readUIntBE(0, 6) / 2 ** 48;
}
