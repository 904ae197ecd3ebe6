/** What a decoder may know of the sample whose field it decodes. */
export interface DecodeContext {
  /** Key of the sample. */
  readonly key: string;
  /** Name of the shard that holds it. */
  readonly shard: string;
  /**
   * Random numbers that depend on nothing but seed, epoch and key, from their beginning at every call: two fields of one sample that
   * ask for the same choices (an image and its mask) get the same ones, in whatever order they are decoded.
   */
  random(): RandomNumbers;
}

/** Uniform random numbers. */
export interface RandomNumbers {
  /** The next 32 random bits, 0 to 2^32 - 1. */
  uint32(): number;
  /** A number from 0 to `bound - 1`, each equally likely. */
  below(bound: number): number;
}
