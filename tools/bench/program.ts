import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';

/** How long a stopped program may take before it is killed; the slowest one unmounts within 3 s. */
const STOP_GRACE_MS = 10_000;

/** A program that runs beside the benchmark; disposing it ends it and waits. Its output shows up only in the error of a failure. */
export class Program implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #name: string;
  #output = '';

  constructor(name: string, program: string, args: readonly string[]) {
    this.#name = name;
    this.#child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (data: Buffer) => (this.#output = (this.#output + data.toString()).slice(-16_384)));
    }
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.#name} did not start`);
    return this.#child.pid;
  }

  /** Waits until `ready` says so; fails with the program's output when it ends before. */
  async until(ready: (output: string) => boolean): Promise<void> {
    while (!ready(this.#output)) {
      if (this.#child.exitCode !== null) throw new Error(`${this.#name} ended with ${this.#child.exitCode}:\n${this.#output}`);
      await delay(50);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_GRACE_MS);
    await ended;
    clearTimeout(timer);
  }
}
