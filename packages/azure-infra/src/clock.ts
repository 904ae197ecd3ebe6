import { setTimeout as delay } from 'node:timers/promises';

/** Time, given from outside so that tests don't wait. */
export interface Clock {
  /** Milliseconds; only differences mean something. */
  now(): number;
  /** Waits; rejects with the signal's reason when it is aborted. */
  sleep(milliseconds: number, signal: AbortSignal): Promise<void>;
}

/** The clock of the machine, one that never jumps. */
export const systemClock: Clock = {
  now: () => performance.now(),
  async sleep(milliseconds, signal) {
    try {
      await delay(milliseconds, undefined, { signal });
    } catch (error) {
      // What it rejects with is an AbortError; whoever aborted gave a better reason.
      signal.throwIfAborted();
      throw error;
    }
  },
};
