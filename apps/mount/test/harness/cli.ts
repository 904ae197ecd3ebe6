import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../bin/warpdrive.mjs', import.meta.url));

/** Compiled code of what the many processes of the tests load again and again. */
const COMPILE_CACHE = fileURLToPath(new URL('../../node_modules/.cache/compile', import.meta.url));

/** What a finished command left. */
export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A running command. Disposing it asks it to end, and kills it when it does not. */
export interface Running extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly finished: Promise<Finished>;
  /** All of standard error so far. */
  stderr(): string;
  /** The next line of standard output; fails when the command ends without one. */
  nextLine(): Promise<string>;
}

/** A daemon has 3 s by its promise; a test machine under load gets more before it is killed. */
const KILL_AFTER_MS = 20_000;

export function start(args: readonly string[], env: Record<string, string> = {}): Running {
  const child = spawn(process.execPath, [BIN, ...args], {
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/', NO_COLOR: '1', NODE_COMPILE_CACHE: COMPILE_CACHE, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const lines: string[] = [];
  const waiting: (() => void)[] = [];
  let ended = false;
  createInterface({ input: child.stdout }).on('line', (line) => {
    stdout += `${line}\n`;
    lines.push(line);
    waiting.shift()?.();
  });
  const finished = once(child, 'close').then((): Finished => {
    ended = true;
    for (const wake of waiting.splice(0)) wake();
    return { code: child.exitCode, signal: child.signalCode, stdout, stderr };
  });
  return {
    child,
    pid: child.pid ?? 0,
    finished,
    stderr: () => stderr,
    async nextLine() {
      while (lines.length === 0 && !ended) await new Promise<void>((resolve) => waiting.push(resolve));
      const line = lines.shift();
      if (line === undefined) throw new Error(`the command ended without a line:\n${stderr}`);
      return line;
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS);
      await finished;
      clearTimeout(timer);
    },
  };
}

export async function run(args: readonly string[], env: Record<string, string> = {}): Promise<Finished> {
  return start(args, env).finished;
}

/** Whether anything is mounted at a place. */
export async function isMounted(mountPoint: string): Promise<boolean> {
  return (await readFile('/proc/self/mountinfo', 'utf8')).split('\n').some((line) => line.split(' ')[4] === mountPoint);
}

/** Processes whose command line names `text`. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
