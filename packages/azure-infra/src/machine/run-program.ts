import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { MachineError } from './errors.ts';
import type { OutputStream } from './machine.ts';
import { OutputLines } from './output-lines.ts';

/** What is not gone this long after it was asked to end is killed: a connection may have died, too. */
const END_LIMIT_MS = 10_000;

/** How a program of this machine runs. */
export interface ProgramOptions {
  readonly signal: AbortSignal;
  readonly onLine: (stream: OutputStream, line: string) => void;
  /** Goes to the standard input, which then stays open for as long as the program may run: its end tells the program to end. */
  readonly input?: string;
}

/**
 * Runs a program to its end, in a process group of its own, so that a Ctrl-C at the terminal does not end it before it has ended what
 * it started far away. On abort its standard input ends, and a program that has none is sent SIGTERM.
 *
 * @returns Its exit code; 128 plus the number of the signal that ended it.
 * @throws {MachineError} `MACHINE_PROGRAM_MISSING`; the reason of the signal once it is aborted and the program has ended.
 */
export async function runProgram([program, ...args]: readonly [string, ...string[]], options: ProgramOptions): Promise<number> {
  const { signal, input } = options;
  signal.throwIfAborted();
  const child = spawn(program, args, { detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
  const lines = {
    stdout: new OutputLines((line) => options.onLine('stdout', line)),
    stderr: new OutputLines((line) => options.onLine('stderr', line)),
  };
  child.stdout.on('data', (bytes: Buffer) => lines.stdout.push(bytes));
  child.stderr.on('data', (bytes: Buffer) => lines.stderr.push(bytes));
  // A program that ends without having read everything is no fault of ours: its exit code says what it is.
  child.stdin.on('error', () => undefined);
  if (input === undefined) child.stdin.end();
  else child.stdin.write(input);
  child.once('exit', () => child.stdin.destroy());

  let limit: NodeJS.Timeout | undefined;
  const onAbort = (): void => {
    limit = setTimeout(() => child.kill('SIGKILL'), END_LIMIT_MS);
    if (input === undefined) child.kill();
    else child.stdin.end();
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const code = await new Promise<number>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (exitCode, killedBy) => resolve(exitCode ?? 128 + (killedBy === null ? 0 : constants.signals[killedBy])));
    });
    lines.stdout.end();
    lines.stderr.end();
    signal.throwIfAborted();
    return code;
  } catch (error) {
    signal.throwIfAborted();
    throw new MachineError('MACHINE_PROGRAM_MISSING', `could not start ${program}: it must be installed and on the PATH`, { cause: error });
  } finally {
    clearTimeout(limit);
    signal.removeEventListener('abort', onAbort);
  }
}
