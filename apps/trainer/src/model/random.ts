/** Random numbers that are a pure function of a seed, so that a run can be repeated and resumed. */

/** 32 random bits for `index`: murmur3's finalizer over both arguments. */
export function mixed(seed: number, index: number): number {
  let bits = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(index, 0x85ebca77)) >>> 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}

/** Numbers of the standard normal distribution, by the method of Box and Muller. */
export function normalNumbers(seed: number): () => number {
  let index = 0;
  const uniform = (): number => mixed(seed, index++) / 2 ** 32;
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
