import type { Clock } from '../src/clock.ts';

/** A clock on which a wait is over at once, and the time afterwards is what it would be. */
export class ManualClock implements Clock {
  #nowMs = 0;

  now(): number {
    return this.#nowMs;
  }

  sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    this.#nowMs += milliseconds;
    return Promise.resolve();
  }
}
