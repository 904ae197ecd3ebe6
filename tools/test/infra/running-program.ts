import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { vi } from 'vitest';

/** How a program has ended. */
export interface Ended {
  /** As a shell has it: 128 and the signal's number when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What to run, where, and with which variables and no others. */
export interface Launch {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** A program that runs as a process of its own, with pipes for its input and its output. Disposing ends it. */
export class RunningProgram implements AsyncDisposable {
  readonly end: Promise<Ended>;
  readonly #child: ChildProcessWithoutNullStreams;
  #stdout = '';
  #stderr = '';
  #over = false;

  constructor({ file, args, cwd, env }: Launch) {
    this.#child = spawn(file, args, { cwd, env, stdio: 'pipe' });
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => (this.#stdout += text));
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    // Who has ended reads no more.
    this.#child.stdin.on('error', () => undefined);
    this.end = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code, signal) => {
        this.#over = true;
        resolve({ code, signal, stdout: this.#stdout, stderr: this.#stderr });
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Everything that it has printed so far, its errors last. */
  get output(): string {
    return this.#stdout + this.#stderr;
  }

  type(text: string): void {
    this.#child.stdin.write(text);
  }

  /** Nothing more is typed. */
  endInput(): void {
    this.#child.stdin.end();
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Waits until it has printed a text, and fails when it ends without. */
  async printed(text: string): Promise<void> {
    await this.#until(() => this.output.includes(text), `without printing "${text}"`);
  }

  /** Waits for something that it does, and fails when it ends without. */
  async until(done: () => boolean): Promise<void> {
    await this.#until(done, 'too early');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#over) this.#child.kill('SIGKILL');
    await this.end;
  }

  async #until(done: () => boolean, what: string): Promise<void> {
    await vi
      .waitFor(
        () => {
          // What it printed last may come after its end.
          const over = this.#over;
          if (done()) return true;
          if (over) return false;
          throw new Error(`it goes on ${what}:\n${this.output}`);
        },
        { timeout: 40_000, interval: 10 },
      )
      .then((found) => {
        if (!found) throw new Error(`it ended ${what}:\n${this.output}`);
      });
  }
}
