import { reasonOf, WebDatasetError } from '../errors.ts';
import type { ByteStream } from './shard-input.ts';

/** Opens a stream; the signal is aborted when its bytes are no longer wanted. */
export type OpenStream = (signal: AbortSignal) => ByteStream | Promise<ByteStream>;

/**
 * The pieces of a stream, one by one, with a look ahead. A stream that ignores its signal cannot keep its reader waiting: an abort ends
 * the wait, and so does disposal.
 */
export class Pieces implements AsyncDisposable {
  /** Of the shard, for messages. */
  readonly name: string;
  readonly #open: OpenStream;
  readonly #controller = new AbortController();
  readonly #signal: AbortSignal;
  readonly #unread: Buffer[] = [];
  #iterator: AsyncIterator<unknown> | undefined;
  #pending = false;
  #ended = false;
  #delivered = 0;

  /**
   * @param open is called at the first use
   * @param signal ends the reading with its reason
   */
  constructor(name: string, open: OpenStream, signal: AbortSignal | undefined) {
    this.name = name;
    this.#open = open;
    this.#signal = signal === undefined ? this.#controller.signal : AbortSignal.any([signal, this.#controller.signal]);
  }

  /**
   * The next piece, never an empty one; undefined at the end.
   *
   * @throws {@link WebDatasetError} `WDS_READ` when the stream fails; the reason of the signal
   */
  async next(): Promise<Buffer | undefined> {
    const known = this.#unread.pop();
    if (known !== undefined) return known;
    while (!this.#ended) {
      const piece = await this.#pull();
      if (piece === undefined) break;
      this.#delivered += piece.length;
      if (piece.length > 0) return piece;
    }
    return undefined;
  }

  /** Puts a piece back; the next one is this one. */
  unread(piece: Buffer): void {
    if (piece.length > 0) this.#unread.push(piece);
  }

  /** The first bytes of what is to come, without taking them: `length` of them, or fewer at the end. */
  async peek(length: number): Promise<Buffer> {
    const first = await this.next();
    if (first === undefined || first.length >= length) {
      this.unread(first ?? Buffer.alloc(0));
      return first ?? Buffer.alloc(0);
    }
    const parts = [first];
    for (let have = first.length; have < length;) {
      const piece = await this.next();
      if (piece === undefined) break;
      parts.push(piece);
      have += piece.length;
    }
    const joined = Buffer.concat(parts);
    this.unread(joined);
    return joined;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, undefined> {
    for (let piece = await this.next(); piece !== undefined; piece = await this.next()) yield piece;
  }

  /** Closes the stream; one that does not answer is not waited for. */
  async [Symbol.asyncDispose](): Promise<void> {
    const wasPending = this.#pending;
    this.#controller.abort();
    if (this.#ended) return;
    this.#ended = true;
    const closing = Promise.resolve(this.#iterator?.return?.()).catch(() => undefined);
    if (!wasPending) await closing;
  }

  async #pull(): Promise<Buffer | undefined> {
    this.#signal.throwIfAborted();
    this.#pending = true;
    let result: IteratorResult<unknown, unknown>;
    try {
      this.#iterator ??= (await untilAborted(Promise.resolve(this.#open(this.#signal)), this.#signal))[Symbol.asyncIterator]();
      result = await untilAborted(this.#iterator.next(), this.#signal);
    } catch (error) {
      if (this.#signal.aborted) throw error;
      this.#ended = true;
      if (error instanceof WebDatasetError) throw error;
      throw this.#fault(reasonOf(error), error);
    }
    this.#pending = false;
    if (result.done === true) {
      this.#ended = true;
      return undefined;
    }
    const { value } = result;
    if (!(value instanceof Uint8Array)) throw this.#fault('its stream gives no bytes; open it without an encoding');
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  }

  #fault(reason: string, cause?: unknown): WebDatasetError {
    return new WebDatasetError('WDS_READ', `cannot read the shard: ${reason}`, { shard: this.name, offset: this.#delivered, cause });
  }
}

/** Waits for a promise, but not beyond an abort, whose reason is thrown. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      // The reason is the caller's, an Error as a rule.
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', onAbort);
    });
  });
}
