/** Signals that ask the demo to stop. */
export const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The person, or the system, has asked the demo to stop. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly signal: (typeof SIGNALS)[number];

  constructor(signal: (typeof SIGNALS)[number]) {
    super(`stopped by ${signal}`);
    this.signal = signal;
  }
}
