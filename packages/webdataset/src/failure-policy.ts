import { TooManyFailuresError, type WebDatasetError } from './errors.ts';
import { publishSkipped } from './skipped.ts';

/**
 * What happens when a sample, or (where the archive is damaged) the rest of a shard, cannot be used.
 *
 * - `'raise'`: the error is thrown, after all samples before it.
 * - `'skip'`: it is left out; the channel `SKIPPED_CHANNEL` tells.
 * - `'warn'`: the same, and the process emits a warning for the 1st, 2nd, 4th, 8th… failure.
 * - `'stop'`: the samples end as if nothing came after it; the channel tells.
 */
export type OnError = 'raise' | 'skip' | 'warn' | 'stop';

/** What to do about failures. */
export interface FailureOptions {
  /** Default `'raise'`. */
  readonly onError?: OnError;
  /** With `'skip'` and `'warn'`: one failure more than this in an epoch throws `WDS_TOO_MANY_FAILURES`. Default: no limit. */
  readonly maxFailures?: number;
}

/** Decides about the failures of one epoch. */
export class FailurePolicy {
  readonly #onError: OnError;
  readonly #maxFailures: number;
  readonly #epoch: number;
  #failures: number;

  /** @param failures those of the epoch's part before, where it is resumed */
  constructor({ onError = 'raise', maxFailures = Infinity }: FailureOptions, epoch: number, failures = 0) {
    this.#onError = onError;
    this.#maxFailures = maxFailures;
    this.#epoch = epoch;
    this.#failures = failures;
  }

  /** True when nothing behind a failure is delivered. */
  get endsAtFirst(): boolean {
    return this.#onError === 'raise' || this.#onError === 'stop';
  }

  /**
   * Decides about one failure; `'continue'` leaves it out, `'end'` ends the epoch.
   *
   * @throws the failure itself, with `'raise'` or when it is a thread's and says nothing about the data; {@link TooManyFailuresError}
   */
  decide(error: WebDatasetError): 'continue' | 'end' {
    if (this.#onError === 'raise' || error.code === 'WDS_WORKER') throw error;
    this.#failures++;
    publishSkipped({ error, epoch: this.#epoch });
    if (this.#onError === 'stop') return 'end';
    if (this.#onError === 'warn' && isPowerOfTwo(this.#failures)) this.#warn(error);
    if (this.#failures > this.#maxFailures) throw new TooManyFailuresError(this.#failures, this.#maxFailures, error);
    return 'continue';
  }

  /** Ever more rarely, so that a data set full of faults does not fill the log. */
  #warn({ code, message }: WebDatasetError): void {
    process.emitWarning(`${message} (left out; ${this.#failures} in epoch ${this.#epoch} so far)`, { type: 'WebDatasetWarning', code });
  }
}

function isPowerOfTwo(count: number): boolean {
  return (count & (count - 1)) === 0;
}
