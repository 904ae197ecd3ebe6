import type { ShardLocation } from '../source/shard-bytes.ts';
import type { Crew } from './crew.ts';
import type { DecodeReply, DecodeRequest, ScanReply, ScanRequest, WorkerSetup } from './protocol.ts';
import { WorkerHandle } from './worker-handle.ts';

/**
 * Worker threads in two groups: some read shards, the others decode. A thread that waits for a slow file system then never has
 * images waiting behind it, and blocking reads keep libuv's few threads free for the rest of the process.
 */
export class ThreadCrew implements Crew {
  readonly windowsAhead: number;
  readonly #stop: Int32Array;
  readonly #readers: readonly WorkerHandle[];
  readonly #decoders: readonly WorkerHandle[];

  /** @param windowsAhead windows that may be read before they are needed */
  constructor(setup: WorkerSetup, threads: { readonly readers: number; readonly decoders: number }, windowsAhead: number) {
    this.windowsAhead = windowsAhead;
    this.#stop = new Int32Array(setup.stop);
    this.#readers = Array.from({ length: threads.readers }, () => new WorkerHandle(setup));
    this.#decoders = Array.from({ length: threads.decoders }, () => new WorkerHandle(setup));
  }

  get readers(): number {
    return this.#readers.length;
  }

  async scan(reader: number, request: ScanRequest): Promise<ScanReply> {
    const reply = await this.#reader(reader).call(request);
    if (reply.kind !== 'scan') throw new TypeError(`A thread answered ${reply.kind} to scan.`);
    return reply;
  }

  async open(reader: number, cursor: number, location: ShardLocation): Promise<ShardLocation> {
    const reply = await this.#reader(reader).call({ kind: 'open', cursor, location });
    if (reply.kind !== 'open') throw new TypeError(`A thread answered ${reply.kind} to open.`);
    return reply.location;
  }

  async close(reader: number, cursor: number): Promise<void> {
    // It fails only where the thread has ended, and its open files with it.
    await this.#reader(reader)
      .call({ kind: 'close', cursor })
      .catch(() => undefined);
  }

  async decode(request: DecodeRequest): Promise<DecodeReply> {
    const leastBusy = this.#decoders.reduce((least, decoder) => (decoder.load < least.load ? decoder : least));
    const reply = await leastBusy.call(request);
    if (reply.kind !== 'decode') throw new TypeError(`A thread answered ${reply.kind} to decode.`);
    return reply;
  }

  abort(reason: Error): void {
    Atomics.store(this.#stop, 0, 1);
    for (const worker of [...this.#readers, ...this.#decoders]) worker.abort(reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#readers, ...this.#decoders].map((worker) => worker[Symbol.asyncDispose]()));
  }

  #reader(index: number): WorkerHandle {
    const reader = this.#readers[index];
    if (reader === undefined) throw new RangeError(`There is no reader ${index}.`);
    return reader;
  }
}
