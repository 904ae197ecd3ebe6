import type { Clock } from '../clock.ts';
import { QueueError } from '../errors.ts';
import type { MessageQueue, ReceivedMessage } from '../queue/message-queue.ts';

/** Two renewals may fail, and the third still comes in time. */
const RENEWALS_PER_LEASE = 3;
/** A renewal whose answer does not come must leave time to hand the lease back before the machine is taken away. */
const RENEWAL_LIMIT_MS = 5000;

/** What a lease needs. */
export interface ItemLeaseOptions {
  readonly queue: MessageQueue;
  readonly seconds: number;
  readonly clock: Clock;
  /** Text of the message at this moment; kept in the queue by every renewal. */
  readonly text: () => string;
  /** Told of renewals that failed, and are tried again. */
  readonly onTrouble: (error: unknown) => void;
}

/**
 * The lease of a message, which is renewed until it is ended. Each renewal changes the receipt, so that none may be under way while the
 * lease is ended.
 */
export class ItemLease implements AsyncDisposable {
  readonly #options: ItemLeaseOptions;
  readonly #id: string;
  readonly #lost = new AbortController();
  readonly #stop = new AbortController();
  readonly #keeping: Promise<void>;
  #receipt: string;
  #last: Promise<void> = Promise.resolve();
  #goodUntil: number;

  constructor({ id, receipt }: ReceivedMessage, options: ItemLeaseOptions) {
    this.#id = id;
    this.#receipt = receipt;
    this.#options = options;
    this.#goodUntil = options.clock.now() + options.seconds * 1000;
    this.#keeping = this.#keep();
  }

  /** Aborts when someone else may have the message. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Stores the text at once, and keeps the lease. */
  store(signal: AbortSignal): Promise<void> {
    return this.#inTurn(() => this.#update(this.#options.seconds, signal));
  }

  /** Ends the lease, so that the message is seen again after so many seconds; its text is stored. */
  handBack(seconds: number, signal: AbortSignal): Promise<void> {
    this.#stop.abort();
    return this.#inTurn(() => this.#update(seconds, signal));
  }

  /** Ends the lease by deleting the message. */
  delete(signal: AbortSignal): Promise<void> {
    this.#stop.abort();
    return this.#inTurn(() => this.#options.queue.delete({ id: this.#id, receipt: this.#receipt }, signal));
  }

  /** Ends the renewals only: a lease that was not ended ends by itself. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#keeping;
  }

  async #keep(): Promise<void> {
    const { clock, seconds } = this.#options;
    while (!this.#lost.signal.aborted) {
      try {
        await clock.sleep((seconds * 1000) / RENEWALS_PER_LEASE, this.#stop.signal);
      } catch {
        // Only the end of the lease interrupts it.
        return;
      }
      await this.#renew();
    }
  }

  async #renew(): Promise<void> {
    const { clock, seconds, onTrouble } = this.#options;
    try {
      await this.#inTurn(async () => {
        if (!this.#stop.signal.aborted) await this.#update(seconds, AbortSignal.timeout(RENEWAL_LIMIT_MS));
      });
    } catch (error) {
      if (this.#lost.signal.aborted) return;
      if (clock.now() < this.#goodUntil) onTrouble(error);
      else this.#lost.abort(error);
    }
  }

  async #update(seconds: number, signal: AbortSignal): Promise<void> {
    const { queue, clock, text } = this.#options;
    const asked = clock.now();
    this.#receipt = await queue.update({ id: this.#id, receipt: this.#receipt }, { leaseSeconds: seconds, text: text() }, signal);
    this.#goodUntil = asked + seconds * 1000;
  }

  /** Each call needs the receipt that the one before it was given. */
  #inTurn(call: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(async () => {
      this.#lost.signal.throwIfAborted();
      try {
        await call();
      } catch (error) {
        if (error instanceof QueueError && error.code === 'QUEUE_LEASE_LOST') this.#lost.abort(error);
        throw error;
      }
    });
    // Whoever called is told of its failure.
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
