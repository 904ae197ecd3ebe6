/**
 * Keeps writes and evictions of one block apart: a block that is being written is not evicted, and a write to a block that is being
 * evicted waits. Otherwise a hole could be punched over bytes that a record names.
 */
export class BlockTraffic {
  /** Writes under way by block. */
  readonly #writes = new Map<number, number>();
  /** Evictions under way by block; these promises never reject. */
  readonly #evictions = new Map<number, Promise<void>>();

  /** Whether neither a write nor an eviction of the block is under way. */
  isFree(block: number): boolean {
    return !this.#writes.has(block) && !this.#evictions.has(block);
  }

  /** Runs a write to the blocks `first` to `last`, once none of them is being evicted. */
  async write<T>(first: number, last: number, run: () => Promise<T>): Promise<T> {
    for (let eviction = this.#evictionIn(first, last); eviction !== undefined; eviction = this.#evictionIn(first, last)) await eviction;
    this.#count(first, last, 1);
    try {
      return await run();
    } finally {
      this.#count(first, last, -1);
    }
  }

  /** Runs the eviction of a block that is free. */
  async evict(block: number, run: () => Promise<void>): Promise<void> {
    const eviction = run();
    // Writers wait for the end of it, whatever that is; the failure belongs to who evicts.
    const ended = eviction.then(
      () => undefined,
      () => undefined,
    );
    this.#evictions.set(block, ended);
    void ended.then(() => this.#evictions.delete(block));
    await eviction;
  }

  #evictionIn(first: number, last: number): Promise<void> | undefined {
    if (this.#evictions.size === 0) return undefined;
    for (let block = first; block <= last; block++) {
      const eviction = this.#evictions.get(block);
      if (eviction !== undefined) return eviction;
    }
    return undefined;
  }

  #count(first: number, last: number, change: number): void {
    for (let block = first; block <= last; block++) {
      const count = (this.#writes.get(block) ?? 0) + change;
      if (count === 0) this.#writes.delete(block);
      else this.#writes.set(block, count);
    }
  }
}
