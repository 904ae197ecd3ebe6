import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { ThreadView } from '@warpforge/block-cache';
import { MAX_READ_SIZE, REQUEST_BUFFER_SIZE } from './negotiate.ts';
import { READER_COUNTERS, ReaderCounter, type HandleMessage, type ReaderMessage, type ReaderSetup } from './reader-protocol.ts';

/**
 * Messages about handles that may wait for a thread which doesn't fetch them (it fetches when it gets requests). Beyond this it is left
 * uninformed, which only means that it passes reads of those handles on to the main thread.
 */
const MAX_WAITING_MESSAGES = 10_000;

const ENTRY = new URL(import.meta.url.endsWith('.ts') ? './reader-thread.ts' : './reader-thread.js', import.meta.url);

interface Reader {
  readonly worker: Worker;
  readonly counters: BigInt64Array;
  posted: bigint;
}

/** What the threads' messages lead to. */
export interface ReaderHooks {
  /** Gets each request that no thread answers. */
  readonly request: (request: Buffer) => void;
  /** Gets the error of a thread that broke; the others go on. */
  readonly fault: (error: unknown) => void;
}

/** The threads that read the kernel's requests. They end by themselves when the connection to the kernel ends. */
export class Readers {
  readonly #fd: number;
  #readers: readonly Reader[] = [];
  #live = 0;

  /** @param fd the open `/dev/fuse`. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  /**
   * Starts the threads, once.
   *
   * @returns when all of them read, with a promise in an object that settles when all have ended.
   */
  async start(threads: number, hooks: ReaderHooks): Promise<{ readonly ended: Promise<void> }> {
    this.#readers = Array.from({ length: threads }, (_, index) => this.#spawn(index, hooks));
    this.#live = threads;
    const ended = Promise.all(this.#readers.map(({ worker }) => this.#end(worker))).then(() => undefined);
    // A thread that breaks before it is ready rejects here.
    await Promise.all(this.#readers.map(({ worker }) => once(worker, 'message')));
    return { ended };
  }

  /** Threads that have not ended. While it is not 0 the process can't exit in the normal way: it would wait for them. */
  get live(): number {
    return this.#live;
  }

  /** Lets the process end although threads still wait for the kernel. */
  unref(): void {
    for (const { worker } of this.#readers) worker.unref();
  }

  /** READs that the threads answered by themselves, and their bytes. */
  get served(): { readonly reads: number; readonly bytes: number } {
    const sum = (counter: number): number =>
      this.#readers.reduce((total, { counters }) => total + Number(Atomics.load(counters, counter)), 0);
    return { reads: sum(ReaderCounter.reads), bytes: sum(ReaderCounter.bytes) };
  }

  /** Lets the threads read a handle. To be called before the kernel learns of the handle. */
  register(handle: number, view: ThreadView): void {
    this.#tell({ handle, view });
  }

  /** Lets the threads forget a handle. */
  unregister(handle: number): void {
    this.#tell({ handle });
  }

  #tell(message: HandleMessage): void {
    for (const reader of this.#readers) {
      const waiting = reader.posted - Atomics.load(reader.counters, ReaderCounter.drained);
      if (waiting >= MAX_WAITING_MESSAGES) continue;
      reader.worker.postMessage(message);
      reader.posted++;
    }
  }

  #spawn(index: number, hooks: ReaderHooks): Reader {
    const counters = new SharedArrayBuffer(READER_COUNTERS * BigInt64Array.BYTES_PER_ELEMENT);
    const setup: ReaderSetup = { fd: this.#fd, requestBufferSize: REQUEST_BUFFER_SIZE, maxReadSize: MAX_READ_SIZE, counters };
    const worker = new Worker(ENTRY, { workerData: setup, name: `fuse-reader-${index}` });
    worker.on('message', (message: ReaderMessage) => {
      if (message !== 'ready') hooks.request(Buffer.from(message.buffer, message.byteOffset, message.byteLength));
    });
    worker.on('error', hooks.fault);
    return { worker, counters: new BigInt64Array(counters), posted: 0n };
  }

  async #end(worker: Worker): Promise<void> {
    // Not `once` of node:events, which would reject if the thread broke.
    await new Promise((resolve) => worker.once('exit', resolve));
    this.#live--;
  }
}
