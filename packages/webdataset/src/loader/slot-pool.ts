/** The slots of shared memory that hold decoded batches; waiting for one is the loader's backpressure. */
export class SlotPool {
  readonly #free: number[];
  readonly #waiting: ((slot: number) => void)[] = [];

  constructor(count: number) {
    this.#free = Array.from({ length: count }, (_, slot) => count - 1 - slot);
  }

  /** Waits for a free slot, in the order of asking; rejects with the signal's reason. */
  acquire(signal: AbortSignal): Promise<number> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const slot = this.#free.pop();
      if (slot !== undefined) {
        resolve(slot);
        return;
      }
      const give = (freed: number): void => {
        signal.removeEventListener('abort', abort);
        resolve(freed);
      };
      const abort = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(give), 1);
        reject(signal.reason instanceof Error ? signal.reason : new Error('aborted', { cause: signal.reason }));
      };
      signal.addEventListener('abort', abort, { once: true });
      this.#waiting.push(give);
    });
  }

  release(slot: number): void {
    const give = this.#waiting.shift();
    if (give === undefined) this.#free.push(slot);
    else give(slot);
  }
}
