/** Checks an option that counts something; throws RangeError. */
export function atLeast(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) throw new RangeError(`${name} must be an integer of at least ${least}, got ${value}`);
}
