/** Writes the records of one version, one at a time: of two writes of one record, the later content must be the last on disk. */
export class RecordWriter {
  readonly #write: (block: number) => Promise<void>;
  /** Blocks whose record on disk is older than what is known. */
  readonly #dirty = new Set<number>();
  #draining: Promise<void> | undefined;

  /** @param write writes the record of a block as it is when called. */
  constructor(write: (block: number) => Promise<void>) {
    this.#write = write;
  }

  /** Writes the records of these blocks. When it rejects, any of them may be on disk or not, and they are tried again with the next call. */
  write(blocks: Iterable<number>): Promise<void> {
    for (const block of blocks) this.#dirty.add(block);
    return (this.#draining ??= this.#drain());
  }

  async #drain(): Promise<void> {
    try {
      for (const block of this.#dirty) {
        this.#dirty.delete(block);
        await this.#write(block);
      }
    } finally {
      this.#draining = undefined;
    }
  }
}
