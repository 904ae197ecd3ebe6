import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream, type WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { DemoError } from './errors.ts';

/** Lines of output that a message about a dead part shows. */
const LAST_LINES = 15;
/** The daemon unmounts within 3 s of SIGTERM; thrice that is a hang. */
const STOP_LIMIT_MS = 10_000;
/** Output that a part's own children may still hold open after its end is not waited for any longer. */
const OUTPUT_LIMIT_MS = 2000;

/** How to start a part. */
export interface PartOptions {
  /** What messages call it. */
  readonly name: string;
  /** Program and arguments. Never a secret: everybody on the machine can read them. */
  readonly command: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>>;
  /** File that gets all its output. */
  readonly logFile: string;
  /** Descriptor that its standard error goes to unseen, for a command that draws on the terminal. */
  readonly stderrTo?: number;
  /** Gets every line of its output. */
  readonly onLine?: (line: string, from: 'stdout' | 'stderr') => void;
}

/** One child process of the demo, in a process group of its own: Ctrl-C reaches only the demo, which ends its parts in order. */
export class Part implements AsyncDisposable {
  readonly name: string;
  /** Settles when the process has ended. */
  readonly exited: Promise<void>;
  /** Settles a moment later, when its output is read too. */
  readonly ended: Promise<void>;
  readonly #child: ChildProcess;
  readonly #log: WriteStream;
  readonly #lastLines: string[] = [];
  #lastStdoutLine = '';
  #ending: string | undefined;
  #stopping = false;

  constructor(options: PartOptions) {
    const [program, ...args] = options.command;
    this.name = options.name;
    this.#log = createWriteStream(options.logFile);
    this.#child = spawn(program, args, {
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'pipe', options.stderrTo ?? 'pipe'],
      detached: true,
    });
    const closed = new Promise<void>((resolve) => this.#child.once('close', () => resolve()));
    this.exited = new Promise<void>((resolve) => {
      this.#child.once('exit', (code, signal) => {
        this.#ending = signal === null ? `exit code ${code ?? 'unknown'}` : `killed by ${signal}`;
        resolve();
      });
      this.#child.once('error', (error) => {
        this.#ending ??= `could not be started: ${error.message}`;
        resolve();
      });
    });
    this.#watch('stdout', options);
    this.#watch('stderr', options);
    this.ended = this.exited.then(async () => {
      await Promise.race([closed, delay(OUTPUT_LIMIT_MS, undefined, { ref: false })]);
      this.#log.end();
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Whether its end is wanted. */
  get stopping(): boolean {
    return this.#stopping;
  }

  /** Waits until the process has ended by itself, and returns the last line of its standard output. Fails unless it exited with 0. */
  async finished(): Promise<string> {
    await this.ended;
    if (this.#ending !== 'exit code 0') throw this.failure();
    return this.#lastStdoutLine;
  }

  /** What to say about its end: how it ended, and the last lines of its output. */
  failure(): DemoError {
    const lines = this.#lastLines.map((line) => `\n    | ${line}`).join('');
    const output = lines === '' ? 'it printed nothing' : `its last lines:${lines}`;
    return new DemoError('PART_FAILED', `${this.name} ended (${this.#ending ?? 'still running'}); ${output}`);
  }

  /** Asks it to end (SIGTERM), and after 10 s makes it (SIGKILL). Whatever it has started itself ends with it. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_LIMIT_MS);
    this.#child.kill('SIGTERM');
    await this.exited;
    clearTimeout(timer);
    this.#killGroup();
    await this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** What the process has started itself, as a daemon starts mount(8), must not outlive it either. */
  #killGroup(): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // Nobody is left in the group.
    }
  }

  #watch(from: 'stdout' | 'stderr', options: PartOptions): void {
    const stream = this.#child[from];
    if (stream === null) return;
    createInterface({ input: stream }).on('line', (line) => {
      if (!this.#log.writableEnded) this.#log.write(`${line}\n`);
      if (from === 'stdout') this.#lastStdoutLine = line;
      this.#lastLines.push(line);
      if (this.#lastLines.length > LAST_LINES) this.#lastLines.shift();
      options.onLine?.(line, from);
    });
  }
}
