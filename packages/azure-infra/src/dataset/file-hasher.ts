import { Worker } from 'node:worker_threads';
import type { HashAnswer, HashQuestion } from './hash-thread.ts';

/** Sources run as they are, a built package from `dist`. */
const THREAD_MODULE = new URL(import.meta.url.endsWith('.ts') ? './hash-thread.ts' : './hash-thread.js', import.meta.url);

/** The MD5 of a file and the bytes that it was made of. */
export interface FileHash {
  /** 16 bytes. */
  readonly md5: Buffer;
  readonly size: number;
}

/**
 * Hashes files in a thread of its own, one after the other: MD5 takes 1.5 s of a core for each GB, twice as long as sending it, and
 * whoever sends should not wait for it.
 */
export class FileHasher implements AsyncDisposable {
  readonly #pending = new Map<number, PromiseWithResolvers<FileHash>>();
  #worker: Worker | undefined;
  #nextId = 0;
  /** Why nothing can be asked any more. */
  #ended: Error | undefined;

  /** Rejects when the file cannot be read, and when the hasher is disposed. */
  async hash(path: string): Promise<FileHash> {
    if (this.#ended !== undefined) throw this.#ended;
    this.#worker ??= this.#start();
    const answer = Promise.withResolvers<FileHash>();
    const question: HashQuestion = { id: this.#nextId++, path };
    this.#pending.set(question.id, answer);
    this.#worker.postMessage(question);
    return answer.promise;
  }

  #start(): Worker {
    // The thread needs none of the program's own flags, and some of them (`--input-type`, preloaded modules) would end or slow it.
    const worker = new Worker(THREAD_MODULE, { name: 'hash', execArgv: [] });
    worker.on('message', (answer: HashAnswer) => {
      const pending = this.#pending.get(answer.id);
      this.#pending.delete(answer.id);
      if ('error' in answer) pending?.reject(answer.error);
      else pending?.resolve({ md5: Buffer.from(answer.md5), size: answer.size });
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
