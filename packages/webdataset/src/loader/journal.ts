/**
 * What makes `batch.state()` cheap and exact.
 *
 * The producer walks the shards far ahead of the consumer, and its shuffle buffer with it: by the time that a batch is delivered, the
 * buffer has long forgotten how it stood right behind that batch. Copying it for every batch would cost each batch thousands of
 * references, for states that nobody may ask for.
 *
 * So there is a second shuffle buffer, the follower. It is fed the same references in the same order, out of the journal in which the
 * producer writes them down, and stands behind the last batch that was released. It moves on when a batch is released, a few references
 * for each sample of it. Only where a state is asked for, a copy of it runs on to that batch.
 *
 * What is behind the follower is cut off the journal, so that it holds what lies between released batches and the producer, which the
 * number of slots bounds: a long run of samples that are left out is followed as soon as it is known.
 */
import type { ShuffledOrder, ShuffledOrderState } from '../order/shuffled-order.ts';
import { type SampleReference, walkBehind } from './reference.ts';
import type { WalkState } from './state.ts';

/** Something in the walk over the shards that is no sample. */
export interface Milestone {
  /** Where the walk goes on. */
  readonly walk: WalkState;
  /** The rest of a shard was left out. */
  readonly isFailure: boolean;
  /** All shards were visited: the shuffle buffer is emptied before the next round. */
  readonly endsRound: boolean;
}

/** What the producer met, in canonical order. */
export type JournalEntry = SampleReference | Milestone;

/** How everything stood at some position of the order. */
export interface Standing {
  readonly position: number;
  readonly failures: number;
  readonly walk: WalkState;
  readonly buffer: ShuffledOrderState<SampleReference>;
}

/** Where a journal begins. */
export interface JournalStart {
  readonly order: ShuffledOrder<SampleReference>;
  readonly position: number;
  readonly failures: number;
  readonly walk: WalkState;
}

/** The journal of an epoch, and the follower. */
export class Journal {
  readonly #entries: JournalEntry[] = [];
  readonly #follower: Follower;
  /** Positions of samples that were left out, not yet passed by the follower. */
  readonly #failed: number[] = [];
  /** Positions behind the batches that are out, in order of delivery. */
  readonly #out: number[] = [];
  /** Position before which no further batch will end. */
  #last: number;

  /** @param fields number of fields of a sample */
  constructor(start: JournalStart, fields: number) {
    this.#follower = new Follower(start, fields);
    this.#last = start.position;
  }

  /** Writes down what the producer met. */
  append(entry: JournalEntry): void {
    this.#entries.push(entry);
  }

  /** The sample at a position was left out. Positions must come in ascending order. */
  failed(position: number): void {
    this.#failed.push(position);
  }

  /** Number of entries that are held. */
  get length(): number {
    return this.#entries.length;
  }

  /** All samples before a position are delivered, left out, or part of a batch that will end there at the earliest. */
  settled(position: number): void {
    this.#last = position;
    if (this.#out.length === 0) this.#follow(position);
  }

  /** A batch is delivered whose last sample is the one before position `end`; tells the position that its state will have. */
  delivered(end: number): number {
    this.#last = Math.max(this.#last, end);
    this.#out.push(this.#last);
    return this.#last;
  }

  /** Nobody will ask for the state at `end` any more. */
  released(end: number): void {
    this.#out.splice(this.#out.indexOf(end), 1);
    this.#follow(this.#out[0] ?? this.#last);
  }

  /** How everything stood right behind a batch that is still out. */
  at(end: number): Standing {
    const runner = this.#follower.clone();
    runner.advance(this.#entries, this.#failed, end);
    return runner.standing();
  }

  #follow(position: number): void {
    const passed = this.#follower.advance(this.#entries, this.#failed, position);
    this.#entries.splice(0, passed.entries);
    this.#failed.splice(0, passed.failed);
  }
}

/** A shuffle buffer that runs through the journal. */
class Follower {
  readonly #fields: number;
  readonly #order: ShuffledOrder<SampleReference>;
  #position: number;
  #failures: number;
  #walk: WalkState;
  /** The round has ended; what is in the buffer leaves before anything comes in. */
  #isEmptying: boolean;

  constructor({ order, position, failures, walk }: JournalStart, fields: number, isEmptying = false) {
    this.#order = order;
    this.#position = position;
    this.#failures = failures;
    this.#walk = walk;
    this.#fields = fields;
    this.#isEmptying = isEmptying;
  }

  clone(): Follower {
    return new Follower({ ...this.#now(), order: this.#order.clone() }, this.#fields, this.#isEmptying);
  }

  /** Runs on until as many samples have left the buffer as `to` says; tells how much it has passed. */
  advance(entries: readonly JournalEntry[], failed: readonly number[], to: number): { entries: number; failed: number } {
    let next = 0;
    while (this.#position < to) {
      if (this.#isEmptying && this.#order.size > 0) {
        this.#order.pop();
        this.#position++;
        continue;
      }
      this.#isEmptying = false;
      const entry = entries[next++];
      if (entry === undefined) throw new RangeError(`The journal ends before position ${to}.`);
      if ('walk' in entry) {
        this.#walk = entry.walk;
        this.#isEmptying = entry.endsRound;
        if (entry.isFailure) this.#failures++;
      } else {
        this.#walk = walkBehind(entry, this.#fields);
        if (this.#order.push(entry) !== undefined) this.#position++;
      }
    }
    let passed = 0;
    while ((failed[passed] ?? Infinity) < to) passed++;
    this.#failures += passed;
    return { entries: next, failed: passed };
  }

  standing(): Standing {
    return { ...this.#now(), buffer: this.#order.state() };
  }

  #now(): Omit<Standing, 'buffer'> {
    return { position: this.#position, failures: this.#failures, walk: this.#walk };
  }
}
