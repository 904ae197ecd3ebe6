import { atLeast } from '../at-least.ts';
import { PulledSource } from './pulled-source.ts';
import { iterable, type Items, type Stage } from './stage.ts';

/** How `map` runs its function. */
export interface MapOptions {
  /** Calls that may be under way at the same time. Default 1. */
  readonly concurrency?: number;
}

/** How a call ended: kept as a value, so that a failure that nobody waits for yet is no unhandled rejection. */
type Outcome<T> = { readonly value: T } | { readonly error: unknown };

/**
 * Replaces each item by what a function makes of it. The order is kept, also with `concurrency`.
 *
 * Reads ahead `concurrency` items at most: those whose results the consumer has not taken. After a failure no further call is
 * made. When the consumer leaves or a call fails, the others are waited for.
 *
 * @param transform may be asynchronous. Its signal is aborted when nobody wants the result any more
 * @param options how many calls may run at a time
 */
export function map<In, Out>(
  transform: (item: In, signal: AbortSignal) => Out | PromiseLike<Out>,
  { concurrency = 1 }: MapOptions = {},
): Stage<In, Out> {
  atLeast('concurrency', concurrency, 1);
  return (items) => iterable(() => new OrderedMap(items, transform, concurrency).results());
}

class OrderedMap<In, Out> {
  readonly #items: Items<In>;
  readonly #transform: (item: In, signal: AbortSignal) => Out | PromiseLike<Out>;
  readonly #concurrency: number;
  readonly #unwanted = new AbortController();
  /** Calls whose results were not taken, in the order of their items. */
  readonly #calls: Promise<Outcome<Out>>[] = [];
  /** The reading of the next item, which adds to the calls. */
  #reading: Promise<void> | undefined;
  /** Set once the source has ended, or anything has failed. */
  #complete = false;

  constructor(items: Items<In>, transform: (item: In, signal: AbortSignal) => Out | PromiseLike<Out>, concurrency: number) {
    this.#items = items;
    this.#transform = transform;
    this.#concurrency = concurrency;
  }

  async *results(): AsyncGenerator<Out, void, undefined> {
    const source = new PulledSource(this.#items);
    let failed = false;
    try {
      for (;;) {
        if (!this.#complete && this.#calls.length < this.#concurrency && this.#reading === undefined) this.#reading = this.#read(source);
        const [first] = this.#calls;
        if (first === undefined && this.#reading === undefined) return;
        const outcome = await Promise.race([first, this.#reading].filter((promise) => promise !== undefined));
        if (outcome === undefined) continue;
        void this.#calls.shift();
        if ('error' in outcome) throw outcome.error;
        yield outcome.value;
      }
    } catch (error) {
      failed = true;
      throw error;
    } finally {
      this.#complete = true;
      this.#unwanted.abort();
      // Closed first: a source that is being waited for may end its waiting then.
      const closed = source[Symbol.asyncDispose]();
      await Promise.allSettled([closed, this.#reading, ...this.#calls]);
      if (!failed) await closed;
    }
  }

  async #read(source: PulledSource<In>): Promise<void> {
    try {
      const item = await source.next();
      if (item === undefined) this.#complete = true;
      else if (!this.#complete) this.#calls.push(this.#call(item.value));
    } catch (error) {
      this.#complete = true;
      this.#calls.push(Promise.resolve({ error }));
    } finally {
      this.#reading = undefined;
    }
  }

  async #call(item: In): Promise<Outcome<Out>> {
    try {
      return { value: await this.#transform(item, this.#unwanted.signal) };
    } catch (error) {
      this.#complete = true;
      return { error };
    }
  }
}
