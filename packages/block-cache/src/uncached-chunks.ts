/**
 * The last chunks that could not be kept on disk, in memory. Without them a reader of small pieces would fetch a whole chunk for each
 * piece while the disk is full. Bounded; the oldest goes first.
 */
export class UncachedChunks {
  readonly #limit: number;
  readonly #chunks = new Map<string, Uint8Array>();
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  /** Bytes held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** A chunk of a version, by the version's id. */
  get(id: string, chunk: number): Uint8Array | undefined {
    return this.#bytes === 0 ? undefined : this.#chunks.get(`${id}:${chunk}`);
  }

  put(id: string, chunk: number, bytes: Uint8Array): void {
    const key = `${id}:${chunk}`;
    this.#remove(key);
    this.#chunks.set(key, bytes);
    this.#bytes += bytes.length;
    for (const oldest of this.#chunks.keys()) {
      if (this.#bytes <= this.#limit) break;
      this.#remove(oldest);
    }
  }

  delete(id: string, chunk: number): void {
    this.#remove(`${id}:${chunk}`);
  }

  #remove(key: string): void {
    const bytes = this.#chunks.get(key);
    if (bytes === undefined) return;
    this.#chunks.delete(key);
    this.#bytes -= bytes.length;
  }
}
