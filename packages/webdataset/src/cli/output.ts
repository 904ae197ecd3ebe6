import { once } from 'node:events';

/** Lines are written together up to this many characters: a system call for each would take longer than finding what it says. */
const BUFFERED_CHARACTERS = 64 * 1024;

/** Standard output: waits for a slow reader, and says when the reader has gone (`head`, a closed pager). */
export class Output {
  readonly #stream: NodeJS.WriteStream;
  readonly #gone = new AbortController();
  #text = '';

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    stream.on('error', (error: NodeJS.ErrnoException) => {
      // No reader: there is nothing more to do, and nothing wrong. All else (a full disk) is.
      this.#gone.abort(error.code === 'EPIPE' ? new OutputClosedError() : error);
    });
  }

  /** Aborted when nobody reads any more. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** Writes a line; on a terminal at once. */
  async line(text: string): Promise<void> {
    this.#text += `${text}\n`;
    if (this.#stream.isTTY || this.#text.length >= BUFFERED_CHARACTERS) await this.flush();
  }

  /** Writes bytes as they are. */
  async bytes(bytes: Uint8Array): Promise<void> {
    await this.flush();
    await this.#write(bytes);
  }

  /** Writes the lines that wait. */
  async flush(): Promise<void> {
    const text = this.#text;
    this.#text = '';
    if (text !== '') await this.#write(text);
  }

  async #write(chunk: string | Uint8Array): Promise<void> {
    this.gone.throwIfAborted();
    if (!this.#stream.write(chunk)) {
      try {
        await once(this.#stream, 'drain', { signal: this.gone });
      } catch (error) {
        this.gone.throwIfAborted();
        throw error;
      }
    }
    this.gone.throwIfAborted();
  }
}

/** The reader of standard output has gone. */
export class OutputClosedError extends Error {
  override readonly name = 'OutputClosedError';
}
