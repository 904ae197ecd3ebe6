/**
 * The order of an epoch, as a pure function of (seed, epoch, shard list).
 *
 * 1. The shards are permuted (Fisher-Yates), by their position in the list: where the data set is mounted does not matter.
 * 2. The samples of the shards, in that order and within a shard in archive order, run through a shuffle buffer. It holds
 *    references, not pixels, so a large buffer is cheap.
 *
 * Nothing here knows of workers, of time, or of what failed: whoever executes the order gets the same one. Every sample comes
 * exactly once.
 */
import { Random } from './random.ts';

const SHARD_STREAM = 1;
const SAMPLE_STREAM = 2;

/** The order in which an epoch visits `count` shards: a permutation of 0 to `count - 1`. */
export function shardOrder(count: number, seed: number, epoch: number): number[] {
  const order = Array.from({ length: count }, (_, index) => index);
  const random = new Random(seed, epoch, SHARD_STREAM);
  for (let last = count - 1; last > 0; last--) {
    const pick = random.below(last + 1);
    const moved = order[pick] ?? 0;
    order[pick] = order[last] ?? 0;
    order[last] = moved;
  }
  return order;
}

/**
 * A shuffle buffer: once `capacity` items are in, each further one takes the place of a random one, which leaves. At the end the
 * rest leaves in random order. An item leaves on average `capacity` items after it came, and never more than `capacity` places
 * early. Capacity 0 keeps the order.
 */
export class ShuffleBuffer<T> {
  readonly #items: T[] = [];
  readonly #capacity: number;
  readonly #random: Random;

  constructor(capacity: number, seed: number, epoch: number) {
    this.#capacity = capacity;
    this.#random = new Random(seed, epoch, SAMPLE_STREAM);
  }

  /** Takes an item in; returns the one that leaves, if one does. */
  push(item: T): T | undefined {
    if (this.#items.length < this.#capacity) {
      this.#items.push(item);
      return undefined;
    }
    if (this.#capacity === 0) return item;
    const place = this.#random.below(this.#capacity);
    const leaving = this.#items[place];
    this.#items[place] = item;
    return leaving;
  }

  /** Takes a random item out; undefined when none is left. */
  pop(): T | undefined {
    if (this.#items.length === 0) return undefined;
    const place = this.#random.below(this.#items.length);
    const leaving = this.#items[place];
    const last = this.#items.pop();
    if (last !== undefined && place < this.#items.length) this.#items[place] = last;
    return leaving;
  }
}
