import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { Cancelled, ImageAnswer, ImageRequest } from './image-thread.ts';

/** Images that wait in a thread before another thread is started: fewer are done sooner than it takes to start one. */
const QUEUE_BEFORE_NEXT_THREAD = 4;

/** A thread and how much it has to do. */
interface DecodingThread {
  readonly worker: Worker;
  queued: number;
}

/** Who waits for an answer. */
interface Waiting {
  readonly thread: DecodingThread;
  readonly resolve: (reason: string | undefined) => void;
  readonly reject: (error: unknown) => void;
}

/** Decodes images in threads, which are started as they are needed, to see whether they decode. */
export class ImageChecks implements AsyncDisposable {
  readonly #maxThreads: number;
  readonly #threads: DecodingThread[] = [];
  readonly #waiting = new Map<number, Waiting>();
  readonly #cancelled: Cancelled = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
  #nextId = 0;
  #ended: Promise<unknown> = Promise.resolve();

  /** @param maxThreads at least 1 */
  constructor(maxThreads: number) {
    this.#maxThreads = maxThreads;
  }

  /** Why an image does not decode; undefined when it does. Its bytes are copied before this returns. */
  check(bytes: Uint8Array): Promise<string | undefined> {
    const thread = this.#leastBusy();
    const { promise, resolve, reject } = Promise.withResolvers<string | undefined>();
    const id = this.#nextId++;
    this.#waiting.set(id, { thread, resolve, reject });
    thread.queued += 1;
    // A copy of its own: sending a view would send the whole window that it is a part of.
    const copy = new Uint8Array(bytes);
    thread.worker.postMessage({ id, bytes: copy } satisfies ImageRequest, [copy.buffer]);
    return promise;
  }

  /** Waits for the threads to end: they finish the image in hand, and leave those that wait without an answer. */
  async [Symbol.asyncDispose](): Promise<void> {
    Atomics.store(this.#cancelled, 0, 1);
    for (const { worker } of this.#threads) worker.postMessage('end' satisfies ImageRequest);
    await this.#ended;
  }

  #leastBusy(): DecodingThread {
    const [least] = this.#threads.toSorted((one, other) => one.queued - other.queued);
    const isEnough = least !== undefined && (least.queued < QUEUE_BEFORE_NEXT_THREAD || this.#threads.length >= this.#maxThreads);
    return isEnough ? least : this.#start();
  }

  #start(): DecodingThread {
    const file = import.meta.url.endsWith('.ts') ? './image-thread.ts' : './image-thread.js';
    const worker = new Worker(new URL(file, import.meta.url), { workerData: this.#cancelled });
    const thread: DecodingThread = { worker, queued: 0 };
    worker.on('message', ({ id, reason }: ImageAnswer) => {
      thread.queued -= 1;
      this.#waiting.get(id)?.resolve(reason);
      this.#waiting.delete(id);
    });
    // Unforeseen: everyone who waits is told.
    worker.on('error', (error) => {
      for (const { reject } of this.#waiting.values()) reject(error);
      this.#waiting.clear();
    });
    this.#threads.push(thread);
    this.#ended = Promise.allSettled([this.#ended, once(worker, 'exit')]);
    return thread;
  }
}
