import { InvalidArgumentError } from 'commander';

/** Reads a number above 0 from the command line. */
export function parsePositive(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0) throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}

/** Reads a whole number of 1 or more. */
export function parsePositiveInteger(text: string): number {
  const value = parsePositive(text);
  if (!Number.isSafeInteger(value)) throw new InvalidArgumentError('It must be a whole number of 1 or more.');
  return value;
}

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 };

/** Reads a size such as `4MiB`, `4MB` or `4M`, all of which are binary as everywhere in this product. */
export function parseSize(text: string): number {
  const [, digits = '', unit = ''] = /^(\d+(?:\.\d+)?)\s*([kmg]?)(?:i?b)?$/i.exec(text.trim()) ?? [];
  const bytes = Math.round(Number(digits) * (UNITS[unit.toLowerCase()] ?? NaN));
  if (digits === '' || !Number.isSafeInteger(bytes) || bytes <= 0) throw new InvalidArgumentError('It must be a size, such as 4MiB.');
  return bytes;
}
