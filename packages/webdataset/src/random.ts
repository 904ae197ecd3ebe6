/**
 * Seeded pseudo-random numbers: sfc32 ("Small Fast Counting", Chris Doty-Humphrey, PractRand 0.94), a 128-bit state chaotic
 * generator with a counter, so that no seed has a period below 2^32. It passes PractRand and TestU01 BigCrush, needs only 32-bit
 * integer operations (exact and fast in JavaScript), and its output is part of this package's contract: sample orders of
 * published runs depend on it.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /**
   * A stream of its own for each (seed, epoch, purpose): the three words of the key are the initial state, as the generator's
   * author seeds it.
   *
   * @param seed a safe integer, 0 or more
   * @param epoch 0 to 2^32 - 1
   * @param purpose 0 to 255; tells apart streams that serve different choices of one epoch
   */
  constructor(seed: number, epoch: number, purpose: number) {
    this.#a = seed | 0;
    this.#b = Math.floor(seed / 0x1_0000_0000) | (purpose << 24) | 0;
    this.#c = epoch | 0;
    for (let round = 0; round < WARM_UP_ROUNDS; round++) this.uint32();
  }

  /** The next 32 random bits, 0 to 2^32 - 1. */
  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** A number from 0 to `bound - 1`, each equally likely: draws above the largest multiple of `bound` are thrown away. */
  below(bound: number): number {
    const unbiased = 0x1_0000_0000 - (0x1_0000_0000 % bound);
    let draw = this.uint32();
    while (draw >= unbiased) draw = this.uint32();
    return draw % bound;
  }
}

/** The author's seeding runs 12 rounds; 15 when all three words are the caller's, which they are here. */
const WARM_UP_ROUNDS = 15;
