/** Milliseconds of a clock that never goes back. */
export type Clock = () => number;

/** Adds up the time during which something is so. */
export class Stopwatch {
  readonly #now: Clock;
  #total = 0;
  #since: number | undefined;

  constructor(now: Clock) {
    this.#now = now;
  }

  /** Says whether it is so from now on; what it was already changes nothing. */
  set(isRunning: boolean): void {
    if (isRunning === (this.#since !== undefined)) return;
    if (this.#since === undefined) {
      this.#since = this.#now();
    } else {
      this.#total += this.#now() - this.#since;
      this.#since = undefined;
    }
  }

  /** The time up to now. */
  get ms(): number {
    return this.#total + (this.#since === undefined ? 0 : this.#now() - this.#since);
  }
}
