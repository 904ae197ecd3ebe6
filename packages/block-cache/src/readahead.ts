/**
 * Reads this far from where the last one ended still count as sequential, in bytes: the kernel sends the pieces of two read-ahead
 * windows of 1 MiB in any order.
 */
const SEEK_TOLERANCE_BYTES = 2 * 1024 * 1024;

/** Reads in sequence before anything is fetched ahead. A file that is opened for its header, or read at random, costs nothing extra. */
const READS_TO_START = 2;

/** What a read means for what is fetched ahead. */
export interface ReadaheadStep {
  /** Data up to this byte should be on its way; 0: nothing ahead. */
  readonly until: number;
  /** The reader has left the run: what was fetched ahead for it is not wanted any more. */
  readonly abandoned: boolean;
  /** The read from which on more should be fetched: the one that touches this byte. Undefined without read-ahead. */
  readonly trigger: number | undefined;
}

/** Decides, for one handle, how far ahead of its reader to fetch. The window doubles with each renewal, from one block to `maxBlocks`. */
export class Readahead {
  readonly #size: number;
  readonly #blockSize: number;
  readonly #maxBlocks: number;
  #expected: number | undefined;
  #run = 0;
  #window = 0;
  #until = 0;
  #trigger: number | undefined;

  constructor(size: number, blockSize: number, maxBlocks: number) {
    this.#size = size;
    this.#blockSize = blockSize;
    this.#maxBlocks = maxBlocks;
  }

  /**
   * Takes note of a read from `offset` to `end`.
   *
   * @param reached where the last read ended that a reader thread served by itself, if any did.
   */
  onRead(offset: number, end: number, reached?: number): ReadaheadStep {
    const sequential = this.#isNear(offset, this.#expected) || this.#isNear(offset, reached);
    this.#expected = sequential ? Math.max(end, this.#expected ?? 0) : end;
    if (!sequential) {
      const abandoned = this.#until > 0;
      this.#run = offset === 0 ? 1 : 0;
      this.#window = 0;
      this.#until = 0;
      this.#trigger = undefined;
      return { until: 0, abandoned, trigger: undefined };
    }
    this.#run++;
    if (this.#run >= READS_TO_START && this.#maxBlocks > 0) this.#extend(end);
    return { until: this.#until, abandoned: false, trigger: this.#trigger };
  }

  /** Moves the window once the reader has used half of it. */
  #extend(end: number): void {
    const ahead = this.#until - end;
    if (ahead >= (this.#window * this.#blockSize) / 2 && this.#window > 0) return;
    this.#window = Math.min(this.#maxBlocks, Math.max(1, this.#window * 2));
    const wanted = Math.ceil((end + this.#window * this.#blockSize) / this.#blockSize) * this.#blockSize;
    this.#until = Math.max(this.#until, Math.min(wanted, this.#size));
    this.#trigger = this.#until < this.#size ? this.#until - (this.#window * this.#blockSize) / 2 : undefined;
  }

  #isNear(offset: number, expected: number | undefined): boolean {
    return expected !== undefined && Math.abs(offset - expected) <= SEEK_TOLERANCE_BYTES;
  }
}
