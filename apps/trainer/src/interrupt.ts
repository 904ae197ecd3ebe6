import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The reason of an abort by a signal of the system. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly code = 'INTERRUPTED';
  /** As shells count: 128 and the signal's number. */
  readonly exitCode: number;
  readonly signal: (typeof SIGNALS)[number];

  constructor(signal: (typeof SIGNALS)[number]) {
    super(`interrupted by ${signal}`);
    this.signal = signal;
    this.exitCode = 128 + constants.signals[signal];
  }
}

/** A repeated signal is taken as impatience only after this time: task runners send the first one to the whole group, so it comes twice. */
const IMPATIENCE_MS = 2000;

/**
 * Runs `work` with a signal that Ctrl-C, SIGTERM or SIGHUP abort, with `Interrupted` as the reason. Who asks again later ends the process at
 * once: reads from a file system that no longer answers can't be given up in any other way.
 */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  let first = Infinity;
  const onSignal = (name: (typeof SIGNALS)[number]): void => {
    if (performance.now() - first > IMPATIENCE_MS) process.kill(process.pid, 'SIGKILL');
    first = Math.min(first, performance.now());
    abort.abort(new Interrupted(name));
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  try {
    return await work(abort.signal);
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal);
  }
}
