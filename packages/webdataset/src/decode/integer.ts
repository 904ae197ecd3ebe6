import { DecodeFault } from './decode-fault.ts';

/** Longest text that is looked at: an int32 with sign and generous white space. */
const MAX_INTEGER_BYTES = 64;

/**
 * Reads an integer in ASCII, white space around it allowed (as Python's `int()` does).
 *
 * @throws {@link DecodeFault} when it is not an integer of 32 bits
 */
export function decodeInteger(bytes: Buffer): number {
  const text = bytes.toString('latin1', 0, Math.min(bytes.length, MAX_INTEGER_BYTES + 1));
  const value = Number(text);
  if (text.length <= MAX_INTEGER_BYTES && /^\s*[+-]?\d+\s*$/.test(text) && (value | 0) === value) return value | 0;
  throw new DecodeFault(`${JSON.stringify(text.slice(0, 40))} is not an integer of 32 bits`);
}
