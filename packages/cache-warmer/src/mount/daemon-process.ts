import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { MountError } from '../errors.ts';

/** The daemon writes what it holds before it ends. */
const STOP_LIMIT_MS = 15_000;
/** It checks its backends over the network before it is ready. */
const START_LIMIT_MS = 60_000;
/** Of what it wrote to standard error, the last lines tell why it ended. */
const LINES_KEPT = 5;

/** A Warpforge daemon that runs as a child of this process. Disposing ends it. */
export class DaemonProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = new Promise((resolve) => {
      child.once('close', () => resolve());
      child.once('error', () => resolve());
    });
  }

  /** Starts it, and waits until it says that it is ready. @throws {MountError} when it ends before, or takes too long. */
  static async start(command: readonly [string, ...string[]], signal: AbortSignal): Promise<DaemonProcess> {
    const [program, ...args] = command;
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const said: string[] = [];
    createInterface({ input: child.stderr }).on('line', (line) => said.splice(0, Math.max(0, said.push(line) - LINES_KEPT)));
    const ready = new Promise<boolean>((resolve) => {
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (line.startsWith('ready ')) resolve(true);
      });
      child.once('error', (error) => {
        said.push(error.message);
        resolve(false);
      });
      child.once('close', () => resolve(false));
    });
    const daemon = new DaemonProcess(child);
    const over = new AbortController();
    const limit = AbortSignal.any([signal, AbortSignal.timeout(START_LIMIT_MS), over.signal]);
    const tooLate = once(limit, 'abort').then(() => false);
    const isReady = !limit.aborted && (await Promise.race([ready, tooLate]));
    over.abort();
    if (isReady) return daemon;
    await daemon[Symbol.asyncDispose]();
    signal.throwIfAborted();
    throw new MountError(`the Warpforge daemon did not start (${command.join(' ')}): ${said.join('; ') || 'it was not ready in time'}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGTERM');
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), STOP_LIMIT_MS);
    await this.#ended;
    clearTimeout(kill);
  }
}
