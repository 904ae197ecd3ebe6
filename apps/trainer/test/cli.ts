import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { vi } from 'vitest';
import { runProgram } from '../src/program.ts';

const COMMAND = fileURLToPath(new URL('../bin/warpforge-train.mjs', import.meta.url));

export interface Outcome {
  /** Exit code, or the name of the signal that ended it. */
  readonly exit: number | NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

type OnLine = (line: string, child: ChildProcess) => void;

/** Runs `warpforge-train` as a user would, in a process of its own. `onLine` sees each line of standard output as it comes, `onNote` of standard error. */
export function runCli(
  args: readonly string[],
  onLine: OnLine = () => undefined,
  env: NodeJS.ProcessEnv = {},
  onNote: OnLine = () => undefined,
): Promise<Outcome> {
  const child = spawn(process.execPath, [COMMAND, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
  let [stdout, stderr] = ['', ''];
  const eachLine = (onEach: OnLine): ((text: string) => void) => {
    let rest = '';
    return (text) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onEach(line, child);
    };
  };
  const [toLines, toNotes] = [eachLine(onLine), eachLine(onNote)];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    toLines(text);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    toNotes(text);
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ exit: code ?? signal, stdout, stderr }));
  });
}

/** Runs the same in this process, where everything is loaded already; no two at once. */
export async function runHere(args: readonly string[]): Promise<Outcome> {
  const printed = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      printed[name] += String(text);
      return true;
    }),
  );
  try {
    return { exit: await runProgram(args), ...printed };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

const LINE = /^step=(\d+) {2}images_per_sec=(\d+\.\d) {2}data_ms=(\d+\.\d\d) {2}compute_ms=(\d+\.\d\d) {2}loss=(\d+\.\d{4})$/;

/** Steps and losses of the log lines, each of which has the exact format. */
export function logLines(stdout: string): { step: number; loss: string }[] {
  const lines = stdout.split('\n').filter((line) => line.startsWith('step='));
  return lines.map((line) => {
    const [, step, , , , loss = ''] = LINE.exec(line) ?? [];
    if (step === undefined) throw new Error(`not a log line: ${line}`);
    return { step: Number(step), loss };
  });
}

/** The JSON object of the last line. */
export function lastJson(stdout: string): Record<string, unknown> {
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown>;
}

/** Names in a folder that an atomic write might have forgotten. */
export async function leftovers(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.endsWith('.tmp'));
}
