import type { Items } from './stage.ts';

/** A source whose items are asked for one by one, where `for await` does not do. Disposing of it closes the source. */
export class PulledSource<T> implements AsyncDisposable {
  readonly #iterator: AsyncIterator<T, unknown>;
  #ended = false;

  constructor(items: Items<T>) {
    this.#iterator = typeof items === 'object' && Symbol.asyncIterator in items ? items[Symbol.asyncIterator]() : asynchronous(items);
  }

  /** The next item; undefined when there is none. */
  async next(): Promise<{ readonly value: T } | undefined> {
    try {
      const result = await this.#iterator.next();
      if (result.done !== true) return result;
    } catch (error) {
      this.#ended = true;
      throw error;
    }
    this.#ended = true;
    return undefined;
  }

  /** Closes the source, unless it has ended or thrown. May be called while an item is being waited for. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    await this.#iterator.return?.();
  }
}

// An asynchronous generator, because that waits for promises among the items and passes `return` on.
// eslint-disable-next-line @typescript-eslint/require-await -- `yield*` does the waiting
async function* asynchronous<T>(items: Iterable<T | PromiseLike<T>>): AsyncGenerator<T, void, undefined> {
  yield* items;
}
