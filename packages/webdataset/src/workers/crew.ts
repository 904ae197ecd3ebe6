import { setImmediate } from 'node:timers/promises';
import type { ShardLocation } from '../source/shard-bytes.ts';
import { Jobs } from './jobs.ts';
import type { DecodeReply, DecodeRequest, ScanReply, ScanRequest, WorkerSetup } from './protocol.ts';

/** Who does the work of a loader: its own thread, or worker threads. */
export interface Crew extends AsyncDisposable {
  /** How many shards can be read at the same time. */
  readonly readers: number;
  /** How many windows may be read before they are asked for; 0 where reading ahead would only block the caller. */
  readonly windowsAhead: number;
  /** @param reader 0 to `readers - 1`; all requests for one cursor go to the same one, one after the other */
  scan(reader: number, request: ScanRequest): Promise<ScanReply>;
  /** Opens a shard for the threads that decode; tells how they read it until {@link close}. */
  open(reader: number, cursor: number, location: ShardLocation): Promise<ShardLocation>;
  /** Gives up a cursor; what is under way for it ends early. Never rejects: what is not open any more needs no closing. */
  close(reader: number, cursor: number): Promise<void>;
  decode(request: DecodeRequest): Promise<DecodeReply>;
  /** Ends all work: what is under way and what is asked later rejects with `reason`. */
  abort(reason: Error): void;
}

/** Works in the caller's thread, when it is asked. */
export class InlineCrew implements Crew {
  readonly readers = 1;
  readonly windowsAhead = 0;
  readonly #jobs: Jobs;
  #aborted: Error | undefined;

  constructor(setup: WorkerSetup) {
    this.#jobs = new Jobs(setup);
  }

  scan(_reader: number, request: ScanRequest): Promise<ScanReply> {
    return this.#run(() => this.#jobs.scan(request));
  }

  async open(_reader: number, cursor: number, location: ShardLocation): Promise<ShardLocation> {
    return (await this.#run(() => this.#jobs.open({ kind: 'open', cursor, location }))).location;
  }

  async close(_reader: number, cursor: number): Promise<void> {
    this.#jobs.cancel(cursor);
    await this.#jobs.close({ kind: 'close', cursor });
  }

  decode(request: DecodeRequest): Promise<DecodeReply> {
    return this.#run(() => this.#jobs.decode(request));
  }

  abort(reason: Error): void {
    this.#aborted ??= reason;
    this.#jobs.abort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#jobs[Symbol.asyncDispose]();
  }

  async #run<T>(job: () => Promise<T>): Promise<T> {
    // The jobs block; between two of them timers, streams and an abort get their turn.
    await setImmediate();
    if (this.#aborted !== undefined) throw this.#aborted;
    return job();
  }
}
