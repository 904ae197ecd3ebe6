import { execFile } from 'node:child_process';

/** How a program ended. */
export interface ProgramEnd {
  /** Its exit code; `missing` when there is no such program, `killed` when a signal ended it. */
  readonly code: number | 'missing' | 'killed';
  readonly stderr: string;
}

/** Runs a program with arguments, without a shell. Rejects only at an abort, which ends the program. */
export type RunProgram = (program: string, args: readonly string[], signal: AbortSignal) => Promise<ProgramEnd>;

/** A message that the program writes in another language could not be told apart. */
const ENGLISH = { LC_ALL: 'C' };

/** Runs programs of this machine. */
export const runProgram: RunProgram = (program, args, signal) =>
  new Promise((resolve, reject) => {
    execFile(program, args, { signal, env: { ...process.env, ...ENGLISH } }, (error, _, stderr) => {
      if (signal.aborted) reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
      else if (error === null) resolve({ code: 0, stderr });
      else if (error.code === 'ENOENT') resolve({ code: 'missing', stderr });
      else resolve({ code: typeof error.code === 'number' ? error.code : 'killed', stderr });
    });
  });
