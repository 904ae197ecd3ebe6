/** Runs the real `webdataset` command, from source, as a child process. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { ShardWriter, type SampleToWrite } from '../src/shard-writer.ts';

const BIN = join(import.meta.dirname, '../bin/webdataset.mjs');

/** Where and with what a command runs. */
export interface CommandPlace {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** How a command ended. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly bytes: Buffer;
  readonly stderr: string;
}

/** A command that runs. */
export interface Running extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** Starts the command. */
export function start(args: readonly string[], { cwd, env = {} }: CommandPlace = {}): Running {
  const child = spawn(process.execPath, [BIN, ...args], { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const stdout = buffer(child.stdout);
  const stderr = text(child.stderr);
  const ended = (async (): Promise<Ended> => {
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    const bytes = await stdout;
    return { code, signal, bytes, stdout: bytes.toString(), stderr: await stderr };
  })();
  return {
    child,
    ended,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}

/** Runs the command to its end. */
export async function webdataset(args: readonly string[], place?: CommandPlace): Promise<Ended> {
  return start(args, place).ended;
}

/** Runs a line of shell, with `$0` as its argument and the command as `"$NODE" "$BIN"`. */
export function shell(line: string, argument: string): { readonly stdout: string; readonly stderr: string } {
  const { stdout, stderr } = spawnSync('sh', ['-c', line, argument], {
    env: { ...process.env, NODE: process.execPath, BIN },
    encoding: 'utf8',
  });
  return { stdout, stderr };
}

/** The lines of a text, each as the JSON that it is. */
export function jsonLines(output: string): unknown[] {
  return output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);
}

/** Writes samples into shards of `directory`; returns their paths. */
export async function writeShards(
  samples: readonly SampleToWrite[],
  options: ConstructorParameters<typeof ShardWriter>[0],
): Promise<string[]> {
  await using writer = new ShardWriter(options);
  for (const sample of samples) await writer.write(sample);
  return (await writer.close()).map(({ path }) => path);
}

/** All files below a folder, hidden ones too, by their path in it. */
export async function contentsOf(folder: string): Promise<Map<string, Buffer>> {
  const contents = new Map<string, Buffer>();
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    const path = join(folder, name);
    if ((await stat(path)).isFile()) contents.set(name, await readFile(path));
  }
  return contents;
}

/** Packs with GNU tar. */
export function gnuTar(...args: readonly string[]): void {
  execFileSync('tar', args);
}

/** Waits until `condition` holds, for things that other processes do; a hang is caught by the limit of the test. */
export async function until(condition: () => Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** A folder's names, none when it does not exist. */
export async function namesIn(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).sort();
}
