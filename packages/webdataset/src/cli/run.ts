import { constants } from 'node:os';
import { CommandError, EXIT, explain } from './failure.ts';
import { Output, OutputClosedError } from './output.ts';

/** What a command works with. */
export interface CommandContext {
  /** Aborted by Ctrl-C, SIGTERM and SIGHUP, and when nobody reads the output any more. */
  readonly signal: AbortSignal;
  readonly output: Output;
  /** Says on standard error what went wrong, for a command that goes on. */
  readonly complain: (error: unknown) => void;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Runs the work of a command to its end, or to the first signal; more signals are ignored, since it is ending already. */
export async function run(work: (context: CommandContext) => Promise<void>): Promise<void> {
  const interrupted = new AbortController();
  const onSignal = (name: NodeJS.Signals): void =>
    interrupted.abort(
      new CommandError('INTERRUPTED', `stopped by ${name}; nothing half-written is left`, {
        exitCode: EXIT.signal + constants.signals[name],
      }),
    );
  for (const name of SIGNALS) process.on(name, onSignal);
  const output = new Output(process.stdout);
  const signal = AbortSignal.any([interrupted.signal, output.gone]);
  try {
    await work({ signal, output, complain });
    await output.flush();
  } catch (error) {
    // Whatever the work threw when it was aborted, the reason of the abort is what happened.
    const reason: unknown = signal.aborted ? signal.reason : error;
    if (reason instanceof OutputClosedError) return;
    await output.flush().catch(() => undefined);
    throw reason;
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal);
  }
}

/** One line on standard error. */
export function complain(error: unknown): void {
  process.stderr.write(`webdataset: ${explain(error)}\n`);
}
