/** How long answers of the store count. */
export class Freshness {
  /** For how long an answer is taken without asking again, in milliseconds. */
  readonly staleTtlMs: number;
  /** For how long it may stand in for one that can't be had because of a failure, in milliseconds; 0 turns that off. */
  readonly staleIfErrorMs: number;
  /** Clock in milliseconds; only differences count. */
  readonly now: () => number;

  constructor(staleTtlMs: number, staleIfErrorMs: number, now: () => number) {
    this.staleTtlMs = staleTtlMs;
    this.staleIfErrorMs = staleIfErrorMs;
    this.now = now;
  }

  /** What remains of an answer's time, in milliseconds; 0 or less if it has to be asked again. */
  remaining(answeredAt: number): number {
    return answeredAt + this.staleTtlMs - this.now();
  }

  /** Whether an answer may stand in for one that failed. */
  mayStandIn(answeredAt: number): boolean {
    return this.staleIfErrorMs > 0 && answeredAt + this.staleIfErrorMs > this.now();
  }
}
