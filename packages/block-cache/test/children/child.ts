import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

/** A child process of a test: a script of this folder. */
export interface Child {
  readonly pid: number;
  readonly lines: AsyncIterator<string>;
  /** Ends it without any chance to clean up; resolves when it is gone. */
  kill(): Promise<void>;
}

/** Starts a script of this folder from source; it does not outlive the test. */
export function startChild(script: string, ...args: string[]): Child {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child: ChildProcessByStdio<null, Readable, null> = spawn(process.execPath, ['--conditions=@warpforge/source', path, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL');
    await exited;
  };
  onTestFinished(kill);
  return { pid: child.pid ?? 0, lines: createInterface(child.stdout)[Symbol.asyncIterator](), kill };
}
