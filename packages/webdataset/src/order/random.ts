/**
 * Seeded pseudo-random numbers: sfc32 ("Small Fast Counting", Chris Doty-Humphrey, PractRand 0.94), a 128-bit state chaotic
 * generator with a counter, so that no seed has a period below 2^32. It passes PractRand and TestU01 BigCrush, needs only 32-bit
 * integer operations (exact and fast in JavaScript), and its output is part of this package's contract: sample orders of
 * published runs depend on it.
 */
import { createHash } from 'node:crypto';

/** The four 32-bit words of a generator, each from 0 to 2^32 - 1: plain JSON. */
export type RandomState = readonly [a: number, b: number, c: number, counter: number];

/** A stream of random numbers. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter: number;

  /**
   * A stream of its own for each (seed, epoch, purpose, rank): they are the words of the initial state, three as the generator's
   * author seeds it, and the rank in its counter.
   *
   * @param seed a safe integer, 0 or more
   * @param epoch 0 to 2^32 - 1
   * @param purpose 0 to 255; tells apart streams that serve different choices of one epoch
   * @param rank 0 to 2^32 - 1; tells apart the streams of the processes of one run
   */
  constructor(seed: number, epoch: number, purpose: number, rank = 0) {
    this.#a = seed | 0;
    this.#b = Math.floor(seed / 0x1_0000_0000) | (purpose << 24) | 0;
    this.#c = epoch | 0;
    this.#counter = (1 + rank) | 0;
    for (let round = 0; round < WARM_UP_ROUNDS; round++) this.uint32();
  }

  /**
   * The stream for all random choices about one sample: its state is the first 128 bits of the SHA-256 of `seed/epoch/key`, as
   * little-endian words. So a choice depends neither on the sample's place in the order nor on who makes it.
   */
  static forKey(seed: number, epoch: number, key: string): Random {
    const digest = createHash('sha256').update(`${seed}/${epoch}/${key}`).digest();
    return Random.restore([digest.readUInt32LE(0), digest.readUInt32LE(4), digest.readUInt32LE(8), digest.readUInt32LE(12)]);
  }

  /** The stream that goes on where the one that had this {@link state} was. */
  static restore([a, b, c, counter]: RandomState): Random {
    const random = new Random(0, 0, 0);
    random.#a = a | 0;
    random.#b = b | 0;
    random.#c = c | 0;
    random.#counter = counter | 0;
    return random;
  }

  /** What {@link restore} needs to draw the same numbers as this one from here on. */
  state(): RandomState {
    return [this.#a >>> 0, this.#b >>> 0, this.#c >>> 0, this.#counter >>> 0];
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

  /** A number from 0 up to, but not including, 1, with 32 random bits. */
  unit(): number {
    return this.uint32() / 0x1_0000_0000;
  }
}

/** The author's seeding runs 12 rounds; 15 when all words are the caller's, which they are here. */
const WARM_UP_ROUNDS = 15;
