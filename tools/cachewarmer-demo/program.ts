import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../apps/infra/bin/warpforge-infra.mjs', import.meta.url));

/** The demo cannot go on; the message says why. */
export class DemoFailure extends Error {
  override readonly name = 'DemoFailure';
  readonly code = 'DEMO_FAILED';
}

/** Somebody stopped the demo. */
export class DemoInterrupted extends Error {
  override readonly name = 'DemoInterrupted';
  readonly code = 'DEMO_INTERRUPTED';
  readonly signal: NodeJS.Signals;

  constructor(signal: NodeJS.Signals) {
    super(`stopped by ${signal}`);
    this.signal = signal;
  }
}

/** How a program's output is treated. */
export interface ProgramOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Ends it. */
  readonly signal: AbortSignal;
  readonly stdout: 'inherit' | 'pipe';
  /** `lines`: shown as it comes, but without a terminal, so that a progress bar and the log of another program do not overwrite each other. */
  readonly stderr: 'lines' | 'ignore';
}

/** `warpforge-infra` as a process. Disposing ends it. */
export class Program implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number>;
  #output = '';

  constructor(args: readonly string[], { env, signal, stdout, stderr }: ProgramOptions) {
    // In a group of its own: Ctrl-C reaches the demo, which ends its programs in order.
    this.#child = spawn(process.execPath, [BIN, ...args], {
      env,
      detached: true,
      stdio: ['ignore', stdout, stderr === 'lines' ? 'pipe' : 'ignore'],
    });
    this.#child.stderr?.pipe(process.stderr, { end: false });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => (this.#output += text));
    signal.addEventListener('abort', () => this.#child.kill('SIGTERM'));
    this.#ended = once(this.#child, 'close').then(([code]) => (typeof code === 'number' ? code : 1));
  }

  /** What it has printed so far; empty where it prints to the terminal. */
  get output(): string {
    return this.#output;
  }

  /** Resolves with its exit code. */
  get ended(): Promise<number> {
    return this.#ended;
  }

  /** Resolves when it has printed its first line, or has ended. */
  async firstLine(): Promise<void> {
    const stream = this.#child.stdout;
    while (stream !== null && !this.#output.includes('\n') && this.#child.exitCode === null) {
      await Promise.race([once(stream, 'data'), this.#ended]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) this.#child.kill('SIGTERM');
    await this.#ended;
  }
}
