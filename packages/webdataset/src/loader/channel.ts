/** A queue between one producer and one consumer that ends, or fails, after what was put in. The producer bounds its length. */
export class Channel<T> implements AsyncIterable<T> {
  readonly #items: T[] = [];
  #wake: (() => void) | undefined;
  #end: { readonly error: Error | undefined } | undefined;

  push(item: T): void {
    this.#items.push(item);
    this.#wake?.();
  }

  /** No more items come; with an error, the consumer gets it after the last item. */
  close(error?: Error): void {
    this.#end ??= { error };
    this.#wake?.();
  }

  /** Takes out what is queued, for the one who cleans up. */
  drain(): T[] {
    return this.#items.splice(0);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) {
        yield item;
      } else if (this.#end === undefined) {
        await new Promise<void>((resolve) => (this.#wake = resolve));
      } else {
        if (this.#end.error !== undefined) throw this.#end.error;
        return;
      }
    }
  }
}
