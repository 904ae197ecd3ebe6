interface Timer {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** 1 January 2026: any fixed time does, so that time stamps are the same in every run. */
const START = Date.UTC(2026, 0, 1);

/**
 * Time that passes only when it is told to. Whatever takes time on Azure is a timer here; {@link advance} runs those that are due, in
 * order of their time, and of their making where the time is the same.
 */
export class VirtualClock {
  #now: number;
  #timers: Timer[] = [];
  #order = 0;

  /** @param start - in milliseconds since 1970. */
  constructor(start: number = START) {
    this.#now = start;
  }

  /** Milliseconds since 1970. */
  now(): number {
    return this.#now;
  }

  /** The time as ISO 8601 text. */
  timestamp(): string {
    return new Date(this.#now).toISOString();
  }

  /** Runs the function when so many seconds have passed; at once when none have to. */
  after(seconds: number, run: () => void): void {
    if (seconds <= 0) {
      run();
      return;
    }
    this.#timers.push({ at: this.#now + seconds * 1000, order: this.#order++, run });
  }

  /** Lets time pass. Timers that run may set more, which run too if they come due. */
  advance(seconds: number): void {
    const end = this.#now + seconds * 1000;
    for (;;) {
      const next = this.#timers.reduce<Timer | undefined>(
        (first, timer) => (first === undefined || isBefore(timer, first) ? timer : first),
        undefined,
      );
      if (next === undefined || next.at > end) break;
      this.#timers = this.#timers.filter((timer) => timer !== next);
      this.#now = next.at;
      next.run();
    }
    this.#now = end;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
