import { setTimeout as sleep } from 'node:timers/promises';
import type { BlobBackend, BlobProperties, ListOptions, ListPage, ReadOptions } from './backend.ts';
import { BlobError } from './errors.ts';

/** How to retry. */
export interface RetryOptions {
  /** Tries in all, for each request; a read starts anew with every piece that arrives. Default 5. */
  readonly attempts?: number;
  /** Upper bound of the first wait, in milliseconds; it doubles with each further try. Default 200. */
  readonly baseDelayMs?: number;
  /** Upper bound of any wait that the store did not ask for, in milliseconds. Default 10,000. */
  readonly maxDelayMs?: number;
  /** Waits; rejects when the signal is aborted. Default: a timer. */
  readonly wait?: (milliseconds: number, signal: AbortSignal | undefined) => Promise<void>;
  /** A number from 0 to below 1. Default `Math.random`. */
  readonly random?: () => number;
}

/** Longer than this a store's `Retry-After` is not waited for: the caller should hear of it. */
const MAX_RETRY_AFTER_MS = 60_000;

/**
 * Repeats requests that failed for a reason that may pass ({@link BlobError.retryable}), after exponentially growing waits with full
 * jitter, or after the time that the store asks for. A broken read goes on at the byte that it had reached, of the same version if one
 * was asked for; a broken listing goes on where its last page ended. With the defaults a request gives up after 3 s of waiting at most.
 *
 * The default of 5 tries bridges the failover of one storage node (a second or two) without turning an outage into minutes of silence.
 */
export function withRetries(backend: BlobBackend, options: RetryOptions = {}): BlobBackend {
  return new RetryingBackend(backend, options);
}

class RetryingBackend implements BlobBackend {
  readonly #inner: BlobBackend;
  readonly #options: Required<RetryOptions>;

  constructor(
    inner: BlobBackend,
    { attempts = 5, baseDelayMs = 200, maxDelayMs = 10_000, wait = waitForTimer, random = Math.random }: RetryOptions,
  ) {
    this.#inner = inner;
    this.#options = { attempts, baseDelayMs, maxDelayMs, wait, random };
  }

  get name(): string {
    return this.#inner.name;
  }
}
