import pLimit from 'p-limit';
import { LEAST_MEMORY } from './file-body.ts';

/** Memory for so many blocks, shared with other threads, and so the number that are on their way at a time. Whoever wants one waits in line. */
export class BlockSlots {
  /** Bytes of a block. */
  readonly blockBytes: number;
  readonly #limit: ReturnType<typeof pLimit>;
  readonly #free: Buffer[] = [];

  /** @throws RangeError for less than one slot, and for blocks of less than 1 MiB */
  constructor(count: number, blockBytes: number) {
    if (!(blockBytes >= LEAST_MEMORY)) throw new RangeError(`blockBytes must be at least ${LEAST_MEMORY}, got ${blockBytes}`);
    this.blockBytes = blockBytes;
    this.#limit = pLimit(count);
  }

  /** Runs `work` with memory for a block, as soon as there is some. */
  use<T>(work: (memory: Buffer) => Promise<T>): Promise<T> {
    return this.#limit(async () => {
      const memory = this.#free.pop() ?? Buffer.from(new SharedArrayBuffer(this.blockBytes));
      try {
        return await work(memory);
      } finally {
        this.#free.push(memory);
      }
    });
  }
}
