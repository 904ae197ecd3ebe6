import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { ReadState, type ReadEnd, type ReaderSettings, type ReadPosition, type ReadTask } from './read-task.ts';

/** Sources run as they are, a built package from `dist`. */
const THREAD_MODULE = new URL(import.meta.url.endsWith('.ts') ? './reader-thread.ts' : './reader-thread.js', import.meta.url);

/** A thread looks between two reads whether it is to stop. One that does not answer for so long hangs in a read. */
const STOP_LIMIT_MS = 1000;

/** Reads files in a thread of its own, one task at a time. */
export class Reader implements AsyncDisposable {
  readonly #state: ReadState;
  readonly #worker: Worker;
  readonly #busy: Int32Array;
  readonly #ended: Promise<never>;
  #isStuck = false;

  constructor(settings: Omit<ReaderSettings, 'state'>) {
    const memory = new SharedArrayBuffer(ReadState.BYTES);
    this.#state = new ReadState(memory);
    this.#busy = new Int32Array(settings.busy);
    // The thread needs none of the program's own flags, and some of them (`--input-type`, preloaded modules) would end or slow it.
    this.#worker = new Worker(THREAD_MODULE, {
      name: 'reader',
      execArgv: [],
      workerData: { ...settings, state: memory } satisfies ReaderSettings,
    });
    this.#ended = new Promise((_, reject) => {
      this.#worker.once('error', (cause: Error) => reject(new Error(`a thread that reads files failed: ${cause.message}`, { cause })));
      this.#worker.once('exit', () => reject(new Error('a thread that reads files has ended')));
    });
    // Whoever waits for an answer is told.
    this.#ended.catch(() => (this.#isStuck = true));
  }

  /** Whether it cannot read any more: its thread has ended, or hangs in a read. */
  get isStuck(): boolean {
    return this.#isStuck;
  }

  /** Where the task is now. */
  get position(): ReadPosition {
    return this.#state.position;
  }

  /** Reads until the end of the task, its first fault, or an abort: then it tells how far it came. */
  async read(task: ReadTask, signal: AbortSignal): Promise<ReadEnd> {
    this.#state.position = { file: 0, offset: 0 };
    this.#state.isStopped = signal.aborted;
    const answer = new Promise<ReadEnd>((resolve) => this.#worker.once('message', resolve));
    const stuck = Promise.withResolvers<ReadEnd>();
    const over = new AbortController();
    const stop = (): void => {
      this.#state.isStopped = true;
      void this.#limit(over.signal, stuck.resolve);
    };
    signal.addEventListener('abort', stop, { once: true });
    // Counted here, so that a thread that hangs or has ended keeps no share of the bandwidth.
    Atomics.add(this.#busy, 0, 1);
    try {
      this.#worker.postMessage(task);
      return await Promise.race([answer, stuck.promise, this.#ended]);
    } finally {
      Atomics.sub(this.#busy, 0, 1);
      signal.removeEventListener('abort', stop);
      over.abort();
    }
  }

  async #limit(over: AbortSignal, resolve: (end: ReadEnd) => void): Promise<void> {
    const isOver = await delay(STOP_LIMIT_MS, false, { signal: over, ref: false }).catch(() => true);
    if (isOver) return;
    this.#isStuck = true;
    resolve(this.#state.position);
  }

  /** Waits for the thread's end, which does not come while the thread hangs in a read. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#state.isStopped = true;
    await this.#worker.terminate();
  }
}
