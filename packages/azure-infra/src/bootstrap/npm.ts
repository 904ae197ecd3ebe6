import { runProgram } from '../machine/run-program.ts';
import { BootstrapError } from './errors.ts';

/** The lines of npm that say what to read on are many, and the reason is among the first. */
const REASON_LINES = 6;

/** How npm runs. */
export interface NpmOptions {
  readonly signal: AbortSignal;
  /** Told every line that npm prints. */
  readonly onLine: (line: string) => void;
}

/**
 * Runs the npm of this machine, with the user's configuration and the proxies of the environment. No package runs a script.
 *
 * @param task what fails where it fails, in words.
 * @throws {BootstrapError} `BOOTSTRAP_NPM` with what npm says.
 */
export async function runNpm(task: string, args: readonly string[], { signal, onLine }: NpmOptions): Promise<void> {
  const errors: string[] = [];
  const common = ['--ignore-scripts', '--no-update-notifier', '--loglevel=error'];
  const status = await runProgram(['npm', ...args, ...common], {
    signal,
    onLine: (stream, line) => {
      if (stream === 'stderr' && errors.length < REASON_LINES) errors.push(line);
      onLine(line);
    },
  });
  if (status === 0) return;
  throw new BootstrapError('BOOTSTRAP_NPM', `${task}: npm has failed (exit ${status})\n${errors.map((line) => `  ${line}`).join('\n')}`);
}
