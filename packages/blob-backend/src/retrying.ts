import { setTimeout as sleep } from 'node:timers/promises';
import type { BlobBackend, BlobProperties, ListOptions, ListPage, ReadOptions } from './backend.ts';
import { BlobError } from './errors.ts';

/** How to retry. */
export interface RetryOptions {
  /** Tries in all, the first one included; a page that comes or a byte that is read starts the count anew. Default 6. */
  readonly attempts?: number;
  /** Upper bound of the first wait, in milliseconds; it doubles with each further one. Default 200. */
  readonly baseDelayMs?: number;
  /** Upper bound of the waits, in milliseconds. Default 10,000. */
  readonly maxDelayMs?: number;
  /** Waits; rejects when the signal is aborted. Default: a timer. */
  readonly wait?: (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>;
  /** A number from 0 to below 1. Default `Math.random`. */
  readonly random?: () => number;
}

/** Where a store asks for more patience than this, the caller should hear of it at once. */
const MAX_RETRY_AFTER_MS = 60_000;

/**
 * Repeats requests that failed for a reason that may pass ({@link BlobError.retryable}), after exponentially growing waits with full
 * jitter, or after the time that the store asks for.
 *
 * - A broken read goes on at the byte that it had reached, with the same `ifMatch`. Without `ifMatch` it is repeated only while no byte
 *   has come: two versions could be mixed.
 * - A broken listing goes on where its last page ended.
 *
 * The default of 6 tries waits for 3 s on average and 6.2 s at most: enough for the failover of a storage node, and an outage is
 * reported before a person gives up.
 */
export function withRetries(backend: BlobBackend, options: RetryOptions = {}): BlobBackend {
  return new RetryingBackend(backend, options);
}

class RetryingBackend implements BlobBackend {
  readonly #inner: BlobBackend;
  readonly #options: Required<RetryOptions>;

  constructor(
    inner: BlobBackend,
    { attempts = 6, baseDelayMs = 200, maxDelayMs = 10_000, wait = waitForTimer, random = Math.random }: RetryOptions,
  ) {
    this.#inner = inner;
    this.#options = { attempts, baseDelayMs, maxDelayMs, wait, random };
  }

  get name(): string {
    return this.#inner.name;
  }

  async *list(options: ListOptions): AsyncGenerator<ListPage, void> {
    let { marker } = options;
    for (let failures = 0; ;) {
      try {
        for await (const page of this.#inner.list({ ...options, marker })) {
          failures = 0;
          marker = page.nextMarker;
          yield page;
        }
        return;
      } catch (error) {
        failures += 1;
        await this.#waitOrThrow(error, failures, options.signal);
      }
    }
  }

  async stat(path: string, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<BlobProperties> {
    for (let failures = 1; ; failures += 1) {
      try {
        return await this.#inner.stat(path, options);
      } catch (error) {
        await this.#waitOrThrow(error, failures, options.signal);
      }
    }
  }

  async *read(path: string, options: ReadOptions): AsyncGenerator<Uint8Array, void> {
    let { offset } = options;
    const end = offset + options.length;
    for (let failures = 0; ;) {
      try {
        for await (const piece of this.#inner.read(path, { ...options, offset, length: end - offset })) {
          failures = 0;
          offset += piece.length;
          yield piece;
        }
        return;
      } catch (error) {
        // All bytes have come, and only the end of the answer broke.
        if (offset === end && error instanceof BlobError && error.code === 'BLOB_UNREACHABLE') return;
        if (offset > options.offset && (offset === end || options.ifMatch === undefined)) throw error;
        failures += 1;
        await this.#waitOrThrow(error, failures, options.signal);
      }
    }
  }

  /** Waits before the next try, or throws the error if there is to be none. */
  async #waitOrThrow(error: unknown, failures: number, signal: AbortSignal | undefined): Promise<void> {
    const { attempts, baseDelayMs, maxDelayMs, wait, random } = this.#options;
    if (!(error instanceof BlobError) || !error.retryable || failures >= attempts || signal?.aborted === true) throw error;
    const retryAfterMs = error.retryAfterMs ?? 0;
    if (retryAfterMs > MAX_RETRY_AFTER_MS) throw error;
    // Full jitter: https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/
    const jitter = random() * Math.min(maxDelayMs, baseDelayMs * 2 ** (failures - 1));
    await wait(retryAfterMs + jitter, signal);
    signal?.throwIfAborted();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]();
  }
}

async function waitForTimer(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(milliseconds, undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
