import { Random, type RandomState } from './random.ts';
import { SAMPLE_STREAM } from './streams.ts';

/** Whose order it is: every (seed, epoch, rank) has its own. */
export interface OrderKey {
  /** A safe integer, 0 or more. */
  readonly seed: number;
  /** 0 to 2^32 - 1. */
  readonly epoch: number;
  /** 0 to 2^32 - 1. */
  readonly rank: number;
}

/** A {@link ShuffledOrder} at some point: plain JSON, if the references are. */
export interface ShuffledOrderState<Ref> {
  /** What has come and not left, in the buffer's own order. */
  readonly items: readonly Ref[];
  readonly random: RandomState;
}

/**
 * A shuffle buffer of references: once `capacity` of them are in, each further one takes the place of a random one, which leaves. At
 * the end the rest leaves in random order. A reference leaves on average `capacity` places after it came, and never more than
 * `capacity` places early. Capacity 0 keeps the order.
 *
 * What leaves when is a function of (capacity, seed, epoch, rank) and the references pushed, and of nothing else.
 */
export class ShuffledOrder<Ref> {
  readonly #capacity: number;
  readonly #items: Ref[];
  readonly #random: Random;

  /**
   * @param capacity references held at most, 0 or more
   * @param restored goes on from there, as if it had never stopped; capacity and key must be those of the original
   */
  constructor(capacity: number, { seed, epoch, rank }: OrderKey, restored?: ShuffledOrderState<Ref>) {
    if (!Number.isSafeInteger(capacity) || capacity < 0) throw new RangeError(`capacity must be an integer of at least 0, got ${capacity}`);
    if (restored !== undefined && restored.items.length > capacity) {
      throw new RangeError(`the state holds ${restored.items.length} references, but the capacity is ${capacity}`);
    }
    this.#capacity = capacity;
    this.#items = [...(restored?.items ?? [])];
    this.#random = restored === undefined ? new Random(seed, epoch, SAMPLE_STREAM, rank) : Random.restore(restored.random);
  }

  /** References that have come and not left. */
  get size(): number {
    return this.#items.length;
  }

  /** Takes a reference in; returns the one that leaves, if one does. */
  push(item: Ref): Ref | undefined {
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

  /** Takes a random reference out, at the end of the order; undefined when none is left. */
  pop(): Ref | undefined {
    if (this.#items.length === 0) return undefined;
    const place = this.#random.below(this.#items.length);
    const leaving = this.#items[place];
    const last = this.#items.pop();
    if (last !== undefined && place < this.#items.length) this.#items[place] = last;
    return leaving;
  }

  /** What the constructor needs to go on from here. */
  state(): ShuffledOrderState<Ref> {
    return { items: [...this.#items], random: this.#random.state() };
  }

  /** One that goes on from here by itself. */
  clone(): ShuffledOrder<Ref> {
    return new ShuffledOrder(this.#capacity, UNUSED_KEY, this.state());
  }
}

/** A restored order draws from its state. */
const UNUSED_KEY: OrderKey = { seed: 0, epoch: 0, rank: 0 };
