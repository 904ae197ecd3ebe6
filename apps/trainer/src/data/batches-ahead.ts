import { batchesOfEpochs } from './batch-source.ts';
import type { BatchSource, DataPosition, PositionedBatch } from './batch-source.ts';

/** The batches of all epochs, of which the next one can be asked for before it is needed. */
export class BatchesAhead implements AsyncDisposable {
  readonly #batches: AsyncGenerator<PositionedBatch, void, undefined>;
  readonly #signal: AbortSignal;
  readonly #stopped = Promise.withResolvers<undefined>();
  #ahead: Promise<PositionedBatch | undefined> | undefined;

  /**
   * @param epochs how many there are in all, those before `start` included
   * @param signal stops it: `next` then has nothing more
   */
  constructor(source: BatchSource, start: DataPosition, epochs: number, signal: AbortSignal) {
    this.#batches = batchesOfEpochs(source, start, epochs);
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#stopped.resolve(undefined), { once: true });
  }

  /** Asks for the next batch. Settles when it is there, and nobody has to wait for that; a fault is kept for `next`. */
  prefetch(): Promise<void> {
    this.#ahead ??= this.#batches.next().then(({ value }) => value ?? undefined);
    return this.#ahead.then(
      () => undefined,
      () => undefined,
    );
  }

  /** The next batch; undefined behind the last epoch, and once training is stopped, which may make the source fail. */
  async next(): Promise<PositionedBatch | undefined> {
    void this.prefetch();
    try {
      const batch = await Promise.race([this.#stopped.promise, this.#ahead]);
      if (batch !== undefined) this.#ahead = undefined;
      return batch;
    } catch (error) {
      if (this.#signal.aborted) return undefined;
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A batch that is no longer needed; if it failed, no one is concerned any more.
    const unused = await this.#ahead?.catch(() => undefined);
    unused?.batch.release();
    await this.#batches.return();
  }
}
