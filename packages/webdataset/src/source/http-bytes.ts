import { WebDatasetError } from '../errors.ts';
import type { HttpSource } from './http-source.ts';
import type { ShardBytes, ShardLocation } from './shard-bytes.ts';

/** A file on a server that answers ranges: each read is a request. */
export class HttpBytes implements ShardBytes {
  readonly name: string;
  readonly size: number;
  readonly location: ShardLocation;
  readonly #source: HttpSource;
  readonly #controller = new AbortController();

  constructor(location: ShardLocation, source: HttpSource, size: number) {
    this.name = location.name;
    this.location = location;
    this.size = size;
    this.#source = source;
  }

  async read(target: Buffer, position: number): Promise<Buffer> {
    this.#controller.signal.throwIfAborted();
    const end = Math.min(position + target.length, this.size);
    let filled = 0;
    for await (const piece of this.#source.stream(position, end, this.#controller.signal)) {
      filled += piece.copy(target, filled);
    }
    return target.subarray(0, filled);
  }

  /** Ends the reads under way with `WDS_CLOSED`. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#controller.abort(new WebDatasetError('WDS_CLOSED', 'the shard is closed', { shard: this.name }));
    return Promise.resolve();
  }
}
