import { setTimeout as delay } from 'node:timers/promises';
import type { OnEvent } from '../events.ts';
import type { ReaderSettings } from './read-task.ts';
import { Reader } from './reader.ts';

/** A thread that does not hang ends in a moment. */
const END_LIMIT_MS = 2000;

/** Threads that read files. Those that hang are replaced. */
export class ReaderPool implements AsyncDisposable {
  readonly #settings: Omit<ReaderSettings, 'state' | 'busy'>;
  readonly #onEvent: OnEvent;
  readonly #busy = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  readonly #idle: Reader[] = [];
  readonly #ending = new Set<Promise<void>>();

  constructor(settings: Omit<ReaderSettings, 'state' | 'busy'>, onEvent: OnEvent) {
    this.#settings = settings;
    this.#onEvent = onEvent;
  }

  /** A reader that nobody else uses. */
  take(): Reader {
    return this.#idle.pop() ?? new Reader({ ...this.#settings, busy: this.#busy });
  }

  /** Gives it back. */
  give(reader: Reader): void {
    if (!reader.isStuck) {
      this.#idle.push(reader);
      return;
    }
    this.#onEvent({ kind: 'trouble', what: 'a thread that reads files is replaced', error: new Error('it hangs in a read, or has ended') });
    this.#end(reader);
  }

  #end(reader: Reader): void {
    const ending: Promise<void> = reader[Symbol.asyncDispose]().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  /** Ends the threads. Those that hang in a read end with the process only, and are not waited for. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (let reader = this.#idle.pop(); reader !== undefined; reader = this.#idle.pop()) this.#end(reader);
    const over = new AbortController();
    await Promise.race([Promise.all(this.#ending), delay(END_LIMIT_MS, undefined, { signal: over.signal }).catch(() => undefined)]);
    over.abort();
    if (this.#ending.size === 0) return;
    const error = new Error('their server does not answer; they end with the process');
    this.#onEvent({ kind: 'trouble', what: `${this.#ending.size} threads hang in a read`, error });
  }
}
