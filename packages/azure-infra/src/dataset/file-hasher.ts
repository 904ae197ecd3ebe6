import { Worker } from 'node:worker_threads';
import type { HashAnswer, HashQuestion } from './hash-thread.ts';

/** Sources run as they are, a built package from `dist`. */
const THREAD_MODULE = new URL(import.meta.url.endsWith('.ts') ? './hash-thread.ts' : './hash-thread.js', import.meta.url);

/** An MD5 that is made piece by piece. */
export interface RunningHash {
  /** Adds bytes, which must be in shared memory and stay as they are until it is done with them. */
  update(bytes: Uint8Array): Promise<void>;
  /** The MD5 of all bytes that were added, 16 bytes; ends it. */
  digest(): Promise<Buffer>;
}

type Unnumbered<T> = T extends unknown ? Omit<T, 'id'> : never;

/**
 * Makes MD5s in a thread of its own, one after the other: it takes 1.5 s of a core for each GB, twice as long as sending it, and whoever
 * sends should not wait for it. All promises reject when it is disposed.
 */
export class FileHasher implements AsyncDisposable {
  readonly #pending = new Map<number, PromiseWithResolvers<Buffer>>();
  #worker: Worker | undefined;
  #nextId = 0;
  /** Why nothing can be asked any more. */
  #ended: Error | undefined;

  /** The MD5 of a file, 16 bytes. Rejects when it cannot be read. */
  hash(path: string): Promise<Buffer> {
    return this.#ask({ kind: 'file', path });
  }

  /** Begins the MD5 of bytes that come piece by piece. */
  begin(): RunningHash {
    const hash = this.#nextId++;
    return {
      update: async (bytes) => {
        await this.#ask({ kind: 'update', hash, bytes });
      },
      digest: () => this.#ask({ kind: 'digest', hash }),
    };
  }

  async #ask(question: Unnumbered<HashQuestion>): Promise<Buffer> {
    if (this.#ended !== undefined) throw this.#ended;
    this.#worker ??= this.#start();
    const id = this.#nextId++;
    const answer = Promise.withResolvers<Buffer>();
    this.#pending.set(id, answer);
    this.#worker.postMessage({ ...question, id } satisfies HashQuestion);
    return answer.promise;
  }

  #start(): Worker {
    // The thread needs none of the program's own flags, and some of them (`--input-type`, preloaded modules) would end or slow it.
    const worker = new Worker(THREAD_MODULE, { name: 'hash', execArgv: [] });
    worker.on('message', (answer: HashAnswer) => {
      const pending = this.#pending.get(answer.id);
      this.#pending.delete(answer.id);
      if ('error' in answer) pending?.reject(answer.error);
      else pending?.resolve(Buffer.from(answer.md5));
    });
    worker.on('error', (cause: Error) => this.#end(new Error(`the thread that hashes files failed: ${cause.message}`, { cause })));
    worker.on('exit', () => this.#end(new Error('the thread that hashes files has ended')));
    return worker;
  }

  #end(reason: Error): void {
    this.#ended ??= reason;
    for (const { reject } of this.#pending.values()) reject(this.#ended);
    this.#pending.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end(new Error('the hasher is closed'));
    await this.#worker?.terminate();
  }
}
