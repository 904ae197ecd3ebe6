import { spawn, type ChildProcess } from 'node:child_process';

/** How a program ended. */
export interface ProgramEnd {
  /** Its exit code; `missing` when there is no such program, `killed` when a signal ended it. */
  readonly code: number | 'missing' | 'killed';
  readonly stderr: string;
}

/**
 * Runs a program with arguments, without a shell. Rejects only at an abort, which ends the program and what it has started, and when
 * the program cannot be started though there is one.
 */
export type RunProgram = (program: string, args: readonly string[], signal: AbortSignal) => Promise<ProgramEnd>;

/** A message that the program writes in another language could not be told apart. */
const ENGLISH = { LC_ALL: 'C' };
/** The last lines tell why a program failed. */
const STDERR_KEPT = 16 * 1024;

/** Runs programs of this machine. */
export const runProgram: RunProgram = async (program, args, signal) => {
  signal.throwIfAborted();
  // In a group of its own: mount(8) waits for a helper, which goes on for as long as its options say when only mount(8) is ended.
  const child = spawn(program, args, { detached: true, stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...ENGLISH } });
  const { promise, resolve, reject } = Promise.withResolvers<ProgramEnd>();
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr = (stderr + text).slice(-STDERR_KEPT)));
  child.once('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') resolve({ code: 'missing', stderr });
    else reject(error);
  });
  child.once('close', (code) => resolve({ code: code ?? 'killed', stderr }));
  const onAbort = (): void => {
    endGroup(child);
    reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
};

function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGTERM');
  } catch (error) {
    // All of the group have ended.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
