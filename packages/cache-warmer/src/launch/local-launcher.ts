import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Clock } from '../clock.ts';
import type { Launcher, WorkerInstance } from './launcher.ts';

/** How workers are started as processes of this machine. */
export interface LocalLauncherOptions {
  /** Program and arguments of a worker with this name. */
  readonly command: (name: string) => readonly [string, ...string[]];
  /** Its variables. */
  readonly env: NodeJS.ProcessEnv;
  /** Makes ids that are never made again. */
  readonly newId: () => string;
  readonly clock: Clock;
  /** Told of each line that a worker prints. */
  readonly onLine: (worker: string, line: string) => void;
}

/** A worker hands its work back in a moment after SIGTERM; one that reads from a server that hangs does not end by itself. */
const STOP_LIMIT_MS = 15_000;

interface LocalWorker extends WorkerInstance {
  readonly child: ChildProcess;
  readonly ended: Promise<void>;
}

/**
 * Workers as processes of this machine. They have a channel to this process, and end when it closes, so none is left when this process is
 * killed. Disposing ends all of them.
 */
export class LocalLauncher implements Launcher {
  readonly #options: LocalLauncherOptions;
  readonly #workers = new Map<string, LocalWorker>();

  constructor(options: LocalLauncherOptions) {
    this.#options = options;
  }

  instances(): Promise<WorkerInstance[]> {
    return Promise.resolve([...this.#workers.values()].map(({ name, startedAt }) => ({ name, startedAt })));
  }

  start(count: number): Promise<void> {
    for (let started = 0; started < count; started++) this.#startOne();
    return Promise.resolve();
  }

  async stop(names: readonly string[]): Promise<void> {
    await Promise.all(names.map((name) => this.#stopOne(name)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop([...this.#workers.keys()]);
  }

  #startOne(): void {
    const { command, env, newId, clock, onLine } = this.#options;
    const name = `local-${newId()}`;
    const [program, ...args] = command(name);
    // In a group of its own: Ctrl-C of a terminal reaches the manager, which ends its workers in order.
    const child = spawn(program, args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] });
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null) createInterface({ input: stream }).on('line', (line) => onLine(name, line));
    }
    const ended = new Promise<void>((resolve) => {
      child.once('error', (error) => {
        onLine(name, `could not be started: ${error.message}`);
        resolve();
      });
      child.once('close', () => resolve());
    }).finally(() => this.#workers.delete(name));
    this.#workers.set(name, { name, startedAt: new Date(clock.now()), child, ended });
  }

  async #stopOne(name: string): Promise<void> {
    const worker = this.#workers.get(name);
    if (worker === undefined) return;
    worker.child.kill('SIGTERM');
    const kill = setTimeout(() => worker.child.kill('SIGKILL'), STOP_LIMIT_MS);
    await worker.ended;
    clearTimeout(kill);
  }
}
