/** Work under way at most: enough for every core of a large machine to have some in hand. */
const MAX_ITEMS = 512;

/** Bytes of that work at most. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Keeps results that are still being worked on in their order, and so many of them that the work never waits for its consumer. */
export class Lookahead<T> {
  readonly #queue: { readonly result: Promise<T>; readonly size: number }[] = [];
  #bytes = 0;

  /** Adds work that has begun, on data of `size` bytes. */
  push(result: Promise<T>, size: number): void {
    // When an earlier one fails, nobody waits for this one any more.
    result.catch(() => undefined);
    this.#queue.push({ result, size });
    this.#bytes += size;
  }

  /** The first results, until what remains is within the limits. */
  async *takeOverdue(): AsyncGenerator<T, void, undefined> {
    while (this.#queue.length > MAX_ITEMS || (this.#bytes > MAX_BYTES && this.#queue.length > 1)) yield await this.#take();
  }

  /** All results that remain. */
  async *takeAll(): AsyncGenerator<T, void, undefined> {
    while (this.#queue.length > 0) yield await this.#take();
  }

  #take(): Promise<T> {
    const first = this.#queue.shift();
    if (first === undefined) throw new RangeError('There is nothing to take.');
    this.#bytes -= first.size;
    return first.result;
  }
}
