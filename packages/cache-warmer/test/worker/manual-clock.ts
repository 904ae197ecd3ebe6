import type { Clock } from '../../src/clock.ts';

/** Time that passes only when a test says so. */
export class ManualClock implements Clock {
  #now = Date.UTC(2026, 0, 1);
  readonly #sleepers = new Set<{ until: number; wake: () => void }>();

  now(): number {
    return this.#now;
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const sleeper = { until: this.#now + ms, wake: () => resolve(undefined) };
    this.#sleepers.add(sleeper);
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
    await promise.finally(() => this.#sleepers.delete(sleeper));
  }

  /** How long those who sleep now want to, in milliseconds. */
  get waits(): number[] {
    return [...this.#sleepers].map(({ until }) => until - this.#now);
  }

  pass(ms: number): void {
    this.#now += ms;
    for (const { until, wake } of this.#sleepers) if (until <= this.#now) wake();
  }
}
