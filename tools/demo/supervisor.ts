import { setTimeout as delay } from 'node:timers/promises';
import { DemoError } from './errors.ts';
import { Guard } from './guard.ts';
import { Interrupted, SIGNALS } from './interrupted.ts';
import { Part, type PartOptions } from './part.ts';
import type { Terminal } from './terminal.ts';

/** A part that dies takes others with it, and their ends arrive in any order within a moment: the first cause is named. */
const FIRST_CAUSE_MS = 1000;
/** The last lines of a dead part arrive a moment after its end, or not at all while another process holds its output open. */
const LAST_LINES_MS = 200;

/**
 * Decides when the demo ends before its work is done: on a signal, when a part that must live has died, when nobody reads the output,
 * or when something was thrown that nobody caught. All of these abort {@link signal} with the reason; whatever waits, stops waiting, and
 * the stack of `await using` declarations takes everything down in reverse order. Only the first reason counts.
 */
export class Supervisor implements AsyncDisposable {
  readonly #controller = new AbortController();
  readonly #terminal: Terminal;
  readonly #guard: Guard;
  readonly #listeners = new AbortController();

  /** @param outputs streams without whose reader there is nobody to work for */
  constructor(terminal: Terminal, outputs: readonly NodeJS.WriteStream[]) {
    this.#terminal = terminal;
    this.#guard = new Guard();
    for (const name of SIGNALS) {
      this.#listen(process, name, () => this.#interrupt(name));
    }
    for (const name of ['uncaughtException', 'unhandledRejection'] as const) {
      this.#listen(process, name, (error) => {
        if (this.signal.aborted) this.#terminal.line(`while stopping: ${String(error)}`);
        this.fail(error instanceof Error ? error : new Error(String(error)));
      });
    }
    for (const output of outputs) {
      this.#listen(output, 'error', (cause) => this.fail(new DemoError('OUTPUT_CLOSED', 'nobody reads the output any more', { cause })));
    }
  }

  /** Aborted with the reason when the demo must end. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What must be undone even when this process is killed and can undo nothing. */
  get guard(): Guard {
    return this.#guard;
  }

  /** Ends the demo for this reason, unless it already has one. */
  fail(reason: Error): void {
    this.#controller.abort(reason);
  }

  /**
   * Does the whole work. When it fails because something else has ended, as a reader fails whose daemon has died, that other thing is the
   * error. What the work has opened must still be open when it fails, or its wanted end could not be told from its death.
   */
  async run<Value>(work: () => Promise<Value>): Promise<Value> {
    try {
      const value = await work();
      this.signal.throwIfAborted();
      return value;
    } catch (error) {
      await delay(FIRST_CAUSE_MS, undefined, { signal: this.signal }).catch(() => undefined);
      this.signal.throwIfAborted();
      throw error;
    }
  }

  /** The promise, or the reason to stop if that comes first. */
  async until<Value>(promise: Promise<Value>): Promise<Value> {
    const stopped = Promise.withResolvers<never>();
    const stop = (): void => stopped.reject(this.signal.reason as Error);
    if (this.signal.aborted) stop();
    this.signal.addEventListener('abort', stop, { once: true });
    try {
      return await Promise.race([promise, stopped.promise]);
    } finally {
      this.signal.removeEventListener('abort', stop);
    }
  }

  /** Starts a part that must live until it is stopped. */
  startService(options: PartOptions): Part {
    const part = this.#start(options);
    void part.exited.then(async () => {
      await Promise.race([part.ended, delay(LAST_LINES_MS, undefined, { ref: false })]);
      if (!part.stopping) this.fail(part.failure());
    });
    return part;
  }

  /** Fails the demo when something that must live ends; call `stopping` before its end is wanted. */
  watch(name: string, closed: Promise<void>): { stopping: () => void } {
    let wanted = false;
    void closed.then(() => {
      if (!wanted) this.fail(new DemoError('PART_FAILED', `${name} ended by itself`));
    });
    return { stopping: () => (wanted = true) };
  }

  /** Runs a part to its end and returns the last line of its standard output. When the demo must end, the part ends first. */
  async runPart(options: PartOptions): Promise<string> {
    await using part = this.#start(options);
    return await this.until(part.finished());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#guard[Symbol.asyncDispose]();
    this.#listeners.abort();
  }

  #start(options: PartOptions): Part {
    this.signal.throwIfAborted();
    const part = new Part(options);
    const { pid } = part;
    if (pid !== undefined) {
      this.#guard.add({ child: pid });
      void part.exited.then(() => this.#guard.remove({ child: pid }));
    }
    return part;
  }

  #interrupt(name: (typeof SIGNALS)[number]): void {
    if (this.signal.aborted) {
      this.#terminal.line('already stopping; this takes a few seconds');
      return;
    }
    this.#terminal.line();
    this.#terminal.line(`${name}: stopping in ${this.#terminal.currentStep}`);
    this.fail(new Interrupted(name));
  }

  #listen(emitter: NodeJS.EventEmitter, event: string, listener: (argument: unknown) => void): void {
    emitter.on(event, listener);
    this.#listeners.signal.addEventListener('abort', () => emitter.off(event, listener));
  }
}
