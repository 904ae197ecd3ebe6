import type { ItemAmounts } from './item-amounts.ts';
import { ItemBits } from './item-bits.ts';

/** What became of an item. */
export type Outcome = 'done' | 'failed';

/**
 * The items of a job that have a record, and what was read for them in all. An item with both records counts as done, once. Of ten million
 * items it takes some 6 MB.
 */
export class OutcomeSet {
  readonly #done = new ItemBits();
  readonly #failed = new ItemBits();
  readonly #flawed = new ItemBits();
  readonly #addresses: { files: number; bytes: number }[] = [];
  #files = 0;
  #bytes = 0;

  /** Items with a record. */
  get count(): number {
    return this.#done.count + this.#failed.count;
  }

  /** Those of them that failed. */
  get failed(): number {
    return this.#failed.count;
  }

  get files(): number {
    return this.#files;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** By index of the address; as long as the last one through which something was read. */
  get addresses(): readonly { readonly files: number; readonly bytes: number }[] {
    return this.#addresses.map((address) => ({ ...address }));
  }

  has(item: number): boolean {
    return this.outcome(item) !== undefined;
  }

  outcome(item: number): Outcome | undefined {
    return this.#done.has(item) ? 'done' : this.#failed.has(item) ? 'failed' : undefined;
  }

  /** Whether the item's record has failures. */
  isFlawed(item: number): boolean {
    return this.#flawed.has(item);
  }

  /** Items whose records have failures, in order. */
  flawed(): Iterable<number> {
    return this.#flawed;
  }

  /** Items before `items` that have no record, in order. */
  *missing(items: number): Generator<number> {
    for (let item = 0; item < items; item++) if (!this.has(item)) yield item;
  }

  /** How many have a record, or a record of this outcome, from `first` to `end`: see {@link ItemBits.countIn}. */
  countIn(first: number, end: number, outcome?: Outcome): number {
    if (outcome === 'done') return this.#done.countIn(first, end);
    if (outcome === 'failed') return this.#failed.countIn(first, end);
    return this.#done.countIn(first, end) + this.#failed.countIn(first, end);
  }

  /** Adds an item that has no record here yet. */
  add(outcome: Outcome, item: number, amounts: ItemAmounts): void {
    (outcome === 'done' ? this.#done : this.#failed).add(item);
    if (amounts.failed > 0) this.#flawed.add(item);
    this.#sum(amounts, 1);
  }

  /** An item that failed is done after all. @param before the amounts that were added for it. */
  becomesDone(item: number, before: ItemAmounts, amounts: ItemAmounts): void {
    this.#failed.delete(item);
    this.#flawed.delete(item);
    this.#sum(before, -1);
    this.add('done', item, amounts);
  }

  #sum({ files, bytes, addresses }: ItemAmounts, sign: 1 | -1): void {
    this.#files += sign * files;
    this.#bytes += sign * bytes;
    for (const read of addresses) {
      while (this.#addresses.length <= read.index) this.#addresses.push({ files: 0, bytes: 0 });
      const address = this.#addresses[read.index];
      if (address === undefined) continue;
      address.files += sign * read.files;
      address.bytes += sign * read.bytes;
    }
  }
}
