import type { Clock } from '../src/index.ts';

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/** Turns of the event loop after which nothing is expected to happen without time passing. */
const QUIET_TURNS = 12;

/** Time that passes only when nobody has anything else to do: the first of those who sleep wakes then. Disposing stops it. */
export class VirtualClock implements Clock, Disposable {
  #now = Date.UTC(2026, 0, 1);
  #sleepers: Sleeper[] = [];
  #isOver = false;

  constructor() {
    void this.#run();
  }

  now(): number {
    return this.#now;
  }

  /** Lets time pass at once. */
  advance(ms: number): void {
    this.#now += ms;
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await new Promise<void>((resolve) => {
      const sleeper = { at: this.#now + ms, wake: resolve };
      this.#sleepers.push(sleeper);
      signal.addEventListener('abort', () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        resolve();
      });
    });
    signal.throwIfAborted();
  }

  [Symbol.dispose](): void {
    this.#isOver = true;
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      for (let turn = 0; turn < QUIET_TURNS; turn++) await new Promise((resolve) => setImmediate(resolve));
      const next = this.#sleepers.toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined) continue;
      this.#sleepers = this.#sleepers.filter((sleeper) => sleeper !== next);
      this.#now = Math.max(this.#now, next.at);
      next.wake();
    }
  }
}
