import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** The reason of an abort by a signal of the system. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly code = 'INTERRUPTED';
  /** As shells count: 128 and the signal's number. */
  readonly exitCode: number;

  constructor(signal: (typeof SIGNALS)[number]) {
    super(`interrupted by ${signal}`);
    this.exitCode = 128 + constants.signals[signal];
  }
}

/**
 * Runs `work` with a signal that Ctrl-C, SIGTERM or SIGHUP abort, with {@link Interrupted} as the reason. The first one asks it to end;
 * more of them are ignored, since it is ending already, and task runners send the first one to the whole group, so that it comes twice.
 * `onRepeat` is told of those.
 */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
  onRepeat: (signal: NodeJS.Signals) => void = () => undefined,
): Promise<T> {
  const abort = new AbortController();
  const onSignal = (name: (typeof SIGNALS)[number]): void => {
    if (abort.signal.aborted) onRepeat(name);
    else abort.abort(new Interrupted(name));
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  try {
    return await work(abort.signal);
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal);
  }
}
