import { CommandError } from './failure.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs `work` with a signal that is aborted by Ctrl-C, SIGTERM or SIGHUP. The first one asks it to end; more of them are ignored, since
 * it is ending already. `onRepeat` is told of those.
 */
export async function interruptible<T>(
  work: (signal: AbortSignal) => Promise<T>,
  onRepeat: (signal: string) => void = () => undefined,
): Promise<T> {
  const abort = new AbortController();
  const onSignal = (name: NodeJS.Signals): void => {
    if (abort.signal.aborted) onRepeat(name);
    else abort.abort(new CommandError('INTERRUPTED', `interrupted by ${name}`));
  };
  for (const name of SIGNALS) process.on(name, onSignal);
  try {
    return await work(abort.signal);
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal);
  }
}
