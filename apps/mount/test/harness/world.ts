import { execFile } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, open, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { isMounted, run, start, type Finished, type Running } from './cli.ts';
import type { Storage } from './storage.ts';

/** A daemon that has said that it is ready. */
export interface Daemon extends Running {
  readonly metricsUrl: string;
}

/** A work folder with a mount point, a cache and a configuration of its own. */
export interface World extends AsyncDisposable {
  readonly directory: string;
  readonly mountPoint: string;
  readonly cachePath: string;
  readonly configPath: string;
  /** Variables that the configuration names. */
  readonly env: Readonly<Record<string, string>>;
  /** Starts `serve` and waits until it is ready. */
  serve(...args: string[]): Promise<Daemon>;
  /** Runs any command with the configuration. */
  warpdrive(...args: string[]): Promise<Finished>;
}

/** Makes a world; `change` edits the configuration before it is written. */
export async function makeWorld(
  storage: Storage,
  change: (config: ReturnType<typeof configOf>) => object = (config) => config,
): Promise<World> {
  const directory = await mkdtemp(join(tmpdir(), 'mount-e2e-'));
  const mountPoint = join(directory, 'wd');
  const cachePath = join(directory, 'cache');
  const configPath = join(directory, 'config.yaml');
  await mkdir(mountPoint);
  await writeFile(configPath, stringify(change(configOf(storage, mountPoint, cachePath))));
  const env = { CONNECTION_A: storage.accounts[0].connectionString, CONNECTION_B: storage.accounts[1].connectionString };
  const commandLine = (args: readonly string[]): string[] => [...args.slice(0, 1), '--config', configPath, ...args.slice(1)];
  return {
    directory,
    mountPoint,
    cachePath,
    configPath,
    env,
    warpdrive: (...args) => run(commandLine(args), env),
    async serve(...args) {
      const running = start(commandLine(['serve', '--metrics-addr', '127.0.0.1:0', ...args]), env);
      try {
        const line = await running.nextLine();
        const [, ready, metricsUrl] = /^ready mount_point=(\S+) pid=\d+ metrics=(\S+)$/.exec(line) ?? [];
        if (ready === undefined || metricsUrl === undefined) throw new Error(`not ready: ${line}`);
        return { ...running, metricsUrl, [Symbol.asyncDispose]: () => running[Symbol.asyncDispose]() };
      } catch (error) {
        await running[Symbol.asyncDispose]();
        throw error;
      }
    },
    async [Symbol.asyncDispose]() {
      const left = await isMounted(mountPoint);
      if (left) await promisify(execFile)('umount', ['-l', mountPoint]);
      await rm(directory, { recursive: true });
      if (left) throw new Error(`a test left ${mountPoint} mounted`);
    },
  };
}

function configOf(storage: Storage, mountPoint: string, cachePath: string) {
  const backend = (name: string, index: 0 | 1, variable: string) => ({
    name,
    type: 'azureblob',
    mount_path: `/${name}`,
    config: { account: storage.accounts[index].name, container: storage.container },
    auth: { method: 'connection_string', connection_string_env: variable },
  });
  return {
    mount_point: mountPoint,
    // Blocks smaller than the files, so that these have several.
    cache: { path: cachePath, max_size: '1GB', block_size: '1MB', stale_ttl: '1s' },
    backends: [backend('datasets-cac', 0, 'CONNECTION_A'), backend('datasets-wus3', 1, 'CONNECTION_B')],
    log: { level: 'debug' },
  };
}

/** Paths of all files below a directory, relative to it, sorted. */
export async function listFiles(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath, entry.name)))
    .sort();
}

/** SHA-256 of a file, read from its start to its end. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Reads one piece of a file. */
export async function readPiece(path: string, offset: number, length: number): Promise<Buffer> {
  await using file = await open(path, 'r');
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, offset);
  return buffer.subarray(0, bytesRead);
}

/** The metrics of a daemon by series, such as `warpdrive_served_bytes_total{source="disk"}`. */
export async function scrape(daemon: Daemon): Promise<Map<string, number>> {
  const text = await (await fetch(`${daemon.metricsUrl}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]));
}

/** Sum of all series of a metric. */
export function sum(metrics: ReadonlyMap<string, number>, name: string): number {
  return [...metrics].filter(([series]) => series === name || series.startsWith(`${name}{`)).reduce((total, [, value]) => total + value, 0);
}
