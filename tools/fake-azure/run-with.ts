import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { SIGNALS } from './signals.ts';

/** As shells have it: the command was not found. */
const NOT_FOUND = 127;

/** Runs a command with these variables beside one's own, passes signals on, and returns its exit code as a shell would. */
export async function runWith(environment: Readonly<Record<string, string>>, command: string, args: readonly string[]): Promise<number> {
  // Found on the command's own PATH, not on ours.
  const child = spawn(command, args, { env: { ...process.env, ...environment }, stdio: 'inherit' });
  const passOn = (signal: NodeJS.Signals): void => {
    // A terminal has sent Ctrl-C to the command as well, which may take a second one as "at once".
    if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
  };
  for (const signal of SIGNALS) process.on(signal, passOn);
  try {
    return await new Promise((resolve) => {
      child.once('error', (error) => {
        process.stderr.write(`fake-azure: cannot run ${command}: ${error.message}\n`);
        resolve(NOT_FOUND);
      });
      child.once('exit', (code, signal) => resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL']));
    });
  } finally {
    for (const signal of SIGNALS) process.off(signal, passOn);
  }
}
