import { abortReason } from './abort.ts';

/** Share of the budget that read-ahead and warm-up may hold; the rest is for readers, so that a slow disk can't make them wait for ever. */
const BACKGROUND_SHARE = 0.75;

interface Waiting {
  readonly bytes: number;
  readonly isDemand: () => boolean;
  readonly start: () => void;
}

/**
 * Buffers kept for reuse. Fresh memory costs a page fault for every 4 KiB,
 * a quarter of the time of a warm-up.
 */
const MAX_SPARE_BUFFERS = 16;

/** Bounds the bytes of buffers between network and disk, and keeps some of them for reuse. */
export class MemoryBudget {
  readonly limit: number;
  readonly #spareBytes: number;
  readonly #spare: Buffer[] = [];
  readonly #waiting = new Set<Waiting>();
  #used = 0;

  /** @param spareBytes length of the buffers that are worth keeping. */
  constructor(limitBytes: number, spareBytes: number) {
    this.limit = limitBytes;
    this.#spareBytes = spareBytes;
  }

  /** Bytes held now. */
  get used(): number {
    return this.#used;
  }

  /** A buffer of `bytes`, which must have been taken. Its content is not cleared. */
  buffer(bytes: number): Buffer {
    return (bytes === this.#spareBytes ? this.#spare.pop() : undefined) ?? Buffer.allocUnsafeSlow(bytes);
  }

  /** Gives back a buffer of which nobody has a view any more. */
  recycle(buffer: Buffer): void {
    if (buffer.length === this.#spareBytes && this.#spare.length < MAX_SPARE_BUFFERS) this.#spare.push(buffer);
  }

  /** Takes `bytes`, waiting until there is room. `isDemand` is asked again whenever room appears: a reader may have joined. */
  async take(bytes: number, isDemand: () => boolean, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#waiting.size === 0 && this.#fits(bytes, isDemand())) {
      this.#used += bytes;
      return;
    }
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const waiting: Waiting = { bytes, isDemand, start: () => resolve(undefined) };
    const onAbort = (): void => {
      this.#waiting.delete(waiting);
      reject(abortReason(signal));
      this.#startWaiting();
    };
    this.#waiting.add(waiting);
    signal.addEventListener('abort', onAbort);
    this.#startWaiting();
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Gives `bytes` back. */
  give(bytes: number): void {
    this.#used -= bytes;
    this.#startWaiting();
  }

  /** Looks again who may go on: a waiting request has become demand. */
  reconsider(): void {
    this.#startWaiting();
  }

  #fits(bytes: number, demand: boolean): boolean {
    return this.#used + bytes <= (demand ? this.limit : this.limit * BACKGROUND_SHARE);
  }

  #startWaiting(): void {
    // As many wait as there are requests in flight, so looking at all of them is cheap.
    for (const demand of [true, false]) {
      for (const waiting of this.#waiting) {
        if (waiting.isDemand() !== demand) continue;
        if (!this.#fits(waiting.bytes, demand)) break;
        this.#waiting.delete(waiting);
        this.#used += waiting.bytes;
        waiting.start();
      }
    }
  }
}
