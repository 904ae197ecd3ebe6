/** What is counted, in 64-bit counters that reader threads share. Bytes and chunks. */
const NAMES = [
  'hits',
  'misses',
  'servedDiskBytes',
  'servedNetworkBytes',
  'evictions',
  'corruptions',
  'readaheadHits',
  'readaheadWasted',
  'uncachedBytes',
  'degradations',
] as const;

/** Name of a counter. */
export type CounterName = (typeof NAMES)[number];

/** Index of a counter's low word in the shared words. */
export const COUNTER_INDEX = Object.fromEntries(NAMES.map((name, index) => [name, index * 2])) as Readonly<Record<CounterName, number>>;

const WORD = 2 ** 32;

/** Adds `amount` (below 2^32) to the counter at `index`: two 32-bit words with a carry, which is several times faster than a BigInt. */
export function addShared(words: Int32Array, index: number, amount: number): void {
  const before = Atomics.add(words, index, amount | 0) >>> 0;
  if (before + amount >= WORD) Atomics.add(words, index + 1, 1);
}

/** Monotonic counters of one cache. */
export class Counters {
  readonly shared = new SharedArrayBuffer(NAMES.length * 2 * Int32Array.BYTES_PER_ELEMENT);
  readonly #words = new Int32Array(this.shared);

  add(name: CounterName, amount: number): void {
    addShared(this.#words, COUNTER_INDEX[name], amount);
  }

  get(name: CounterName): number {
    const index = COUNTER_INDEX[name];
    return Atomics.load(this.#words, index + 1) * WORD + (Atomics.load(this.#words, index) >>> 0);
  }

  /** All counters as plain numbers. */
  snapshot(): Record<CounterName, number> {
    return Object.fromEntries(NAMES.map((name) => [name, this.get(name)])) as Record<CounterName, number>;
  }
}
