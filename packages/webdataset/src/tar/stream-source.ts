import { uncompressed } from '../source/decompress.ts';
import type { Pieces } from '../source/pieces.ts';
import { MIN_WINDOW_BYTES } from './scanner.ts';
import { cutShort, type TarSource } from './source.ts';

/** An archive that comes piece by piece, decompressed as it comes. No more of it is in memory than a window and a piece. */
export class StreamSource implements TarSource {
  readonly #pieces: Pieces;
  readonly #stream: AsyncGenerator<Buffer, void, undefined>;
  /** What has come and is not passed over yet. */
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  /** Where it starts in the archive. */
  #start = 0;
  #ended = false;

  constructor(pieces: Pieces) {
    this.#pieces = pieces;
    this.#stream = uncompressed(pieces);
  }

  get size(): number {
    return this.#ended ? this.#start + this.#waitingBytes : Infinity;
  }

  async window(position: number): Promise<Buffer> {
    await this.#passOver(position);
    while (this.#waitingBytes < MIN_WINDOW_BYTES && (await this.#pull()));
    const window = this.#waiting.length === 1 ? this.#waiting[0] : undefined;
    if (window !== undefined) return window;
    const joined = Buffer.concat(this.#waiting);
    this.#waiting = [joined];
    return joined;
  }

  /** Grows with what comes, not with what a header claims. */
  async read(position: number, length: number): Promise<Buffer> {
    await this.#passOver(position);
    while (this.#waitingBytes < length && (await this.#pull()));
    if (this.#waitingBytes < length) throw this.#tooShort(position, length);
    const joined = Buffer.concat(this.#waiting);
    const bytes = joined.subarray(0, length);
    this.#waiting = [joined.subarray(length)];
    this.#waitingBytes -= length;
    this.#start += length;
    return bytes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The stream's end may wait for the pieces', which does not wait for a source that has hung up.
    const ending = this.#stream.return();
    await this.#pieces[Symbol.asyncDispose]();
    await ending;
  }

  async #passOver(position: number): Promise<void> {
    while (this.#start < position) {
      const first = this.#waiting[0];
      if (first === undefined) {
        if (!(await this.#pull())) throw this.#tooShort(this.#start, position - this.#start);
        continue;
      }
      const length = Math.min(first.length, position - this.#start);
      if (length === first.length) this.#waiting.shift();
      else this.#waiting[0] = first.subarray(length);
      this.#waitingBytes -= length;
      this.#start += length;
    }
  }

  /** False at the end. */
  async #pull(): Promise<boolean> {
    const { value, done } = await this.#stream.next();
    if (done === true) {
      this.#ended = true;
      return false;
    }
    this.#waiting.push(value);
    this.#waitingBytes += value.length;
    return true;
  }

  #tooShort(offset: number, length: number): Error {
    const missing = length - this.#waitingBytes;
    return cutShort(this.#pieces.name, offset, `the shard is truncated: it ends inside a member, which needs ${missing} more bytes`);
  }
}
