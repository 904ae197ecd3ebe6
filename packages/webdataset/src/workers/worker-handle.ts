import { Worker } from 'node:worker_threads';
import { reasonOf, WebDatasetError } from '../errors.ts';
import { fromErrorRecord } from './error-record.ts';
import type { WorkerAnswer, WorkerMessage, WorkerReply, WorkerRequest, WorkerSetup } from './protocol.ts';

/** Sources run as they are, a built package from `dist`. */
const THREAD_MODULE = new URL(import.meta.url.endsWith('.ts') ? './thread.ts' : './thread.js', import.meta.url);

/** A request that is not answered yet. */
interface PendingCall {
  readonly resolve: (reply: WorkerReply) => void;
  readonly reject: (error: Error) => void;
}

/** One worker thread, as requests and replies. It keeps the process alive only while it has something to do. */
export class WorkerHandle implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  readonly #pending = new Map<number, PendingCall>();
  #nextId = 0;
  /** Why nothing can be asked any more. */
  #ended: Error | undefined;

  constructor(setup: WorkerSetup) {
    // The thread needs none of the program's own flags, and some of them (`--input-type`, preloaded modules) would end or slow it.
    this.#worker = new Worker(THREAD_MODULE, { name: 'webdataset', execArgv: [] });
    this.#worker.on('message', (answer: WorkerAnswer) => this.#settle(answer));
    this.#worker.on('error', (error) => {
      this.#end(new WebDatasetError('WDS_WORKER', `a worker thread failed: ${reasonOf(error)}`, { cause: error }));
    });
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        this.#end(new WebDatasetError('WDS_WORKER', `a worker thread ended unexpectedly (exit code ${code})`));
        resolve();
      });
    });
    this.#worker.unref(); // Last: listening for messages holds on to the process again.
    this.#post({ kind: 'start', setup });
  }

  /** Number of requests that are not answered yet. */
  get load(): number {
    return this.#pending.size;
  }

  /** Asks the thread; requests are worked off in the order of asking. */
  call(request: WorkerRequest): Promise<WorkerReply> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) throw this.#ended;
      const id = this.#nextId++;
      if (this.#pending.size === 0) this.#worker.ref();
      this.#pending.set(id, { resolve, reject });
      this.#post({ kind: 'request', id, request });
    });
  }

  /** Rejects what is under way, and all later requests, with `reason`; the thread ends after the job at hand. */
  abort(reason: Error): void {
    if (this.#ended !== undefined) return;
    this.#end(reason);
    this.#post({ kind: 'stop' });
    // The process must not end under the job at hand: a native decoder that meets the end of its thread takes the process down (SIGABRT).
    this.#worker.ref();
  }

  /** Waits until the thread has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.abort(new WebDatasetError('WDS_CLOSED', 'the loader is closed'));
    await this.#exited;
  }

  #end(reason: Error): void {
    this.#ended ??= reason;
    for (const { reject } of this.#pending.values()) reject(this.#ended);
    this.#pending.clear();
    this.#worker.unref();
  }

  #post(message: WorkerMessage): void {
    this.#worker.postMessage(message);
  }

  #settle({ id, result }: WorkerAnswer): void {
    const call = this.#pending.get(id);
    if (call === undefined) return; // It was given up.
    this.#pending.delete(id);
    if (this.#pending.size === 0) this.#worker.unref();
    if (result.kind === 'error') call.reject(fromErrorRecord(result.error));
    else call.resolve(result);
  }
}
