/** A worker that was idle for a moment finds new work at once. */
const FIRST_MS = 100;
/** Each look at the queue costs a fraction of a cent per 100,000; of a fleet of hundreds, some tens a second. */
const LONGEST_MS = 5000;

/** How long to wait between two looks at an empty queue: longer each time, and different for each worker. */
export class PollDelay {
  readonly #random: () => number;
  #next = FIRST_MS;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** There was work. */
  reset(): void {
    this.#next = FIRST_MS;
  }

  /** @returns milliseconds to wait now, half of them at least. */
  next(): number {
    const delay = this.#next;
    this.#next = Math.min(LONGEST_MS, delay * 2);
    return delay * (0.5 + this.#random() / 2);
  }
}
