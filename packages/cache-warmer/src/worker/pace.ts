/** Spreads the reading of one thread over time, so that all threads together keep to a rate. */
export class Pace {
  readonly #bytesPerSecond: number;
  readonly #threads: () => number;
  #freeAt = 0;

  /** @param bytesPerSecond of all threads. @param threads how many of them read now. */
  constructor(bytesPerSecond: number, threads: () => number) {
    this.#bytesPerSecond = bytesPerSecond;
    this.#threads = threads;
  }

  /** @param nowMs any monotonic time. @returns milliseconds to wait before so many bytes are read. */
  wait(bytes: number, nowMs: number): number {
    const share = this.#bytesPerSecond / Math.max(1, this.#threads());
    const startAt = Math.max(nowMs, this.#freeAt);
    this.#freeAt = startAt + (bytes / share) * 1000;
    return startAt - nowMs;
  }
}
