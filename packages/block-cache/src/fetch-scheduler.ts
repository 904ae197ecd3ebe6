import { abortReason } from './abort.ts';

/** Why bytes are fetched: a reader waits for them, one is expected to, or a warm-up asked. In this order they get their turn. */
export type FetchPriority = 'demand' | 'readahead' | 'warm';

const ORDER: readonly FetchPriority[] = ['demand', 'readahead', 'warm'];

/** One part in this many of the slots is kept from read-ahead and warm-up, so that a reader never waits behind a whole block. */
const DEMAND_SHARE = 8;

/** A request's place in the queue, then its slot. */
export interface FetchTicket {
  /** Resolves when the request may start. */
  readonly started: Promise<void>;
  /** A reader waits now: treat as demand. */
  promote(): void;
  /** Gives the slot back, or leaves the queue. May be called more than once. */
  release(): void;
}

interface Waiting {
  priority: FetchPriority;
  start(): void;
}

/** Bounds the requests in flight, demand before read-ahead before warm-up, first come first served within each. */
export class FetchScheduler {
  readonly #limit: number;
  readonly #backgroundLimit: number;
  readonly #queues: Record<FetchPriority, Set<Waiting>> = { demand: new Set(), readahead: new Set(), warm: new Set() };
  #active = 0;

  constructor(maxParallel: number) {
    this.#limit = maxParallel;
    this.#backgroundLimit = Math.max(1, maxParallel - Math.floor(maxParallel / DEMAND_SHARE));
  }

  /** Requests in flight. */
  get active(): number {
    return this.#active;
  }

  /** Requests that wait for a slot. */
  get queued(): number {
    return ORDER.reduce((sum, priority) => sum + this.#queues[priority].size, 0);
  }

  /** Queues a request. Aborting `signal` while it waits rejects `started`; afterwards only `release` frees the slot. */
  enter(priority: FetchPriority, signal: AbortSignal): FetchTicket {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    let state: 'queued' | 'active' | 'done' = 'queued';
    const waiting: Waiting = {
      priority,
      start: () => {
        signal.removeEventListener('abort', onAbort);
        state = 'active';
        this.#active++;
        resolve(undefined);
      },
    };
    const release = (): void => {
      if (state === 'queued') {
        this.#queues[waiting.priority].delete(waiting);
        signal.removeEventListener('abort', onAbort);
      } else if (state === 'active') {
        this.#active--;
      }
      state = 'done';
      this.#startNext();
    };
    const onAbort = (): void => {
      release();
      reject(abortReason(signal));
    };
    this.#queues[priority].add(waiting);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort);
    this.#startNext();
    return {
      started: promise,
      release,
      promote: () => {
        if (state === 'queued' && this.#queues[waiting.priority].delete(waiting)) {
          waiting.priority = 'demand';
          this.#queues.demand.add(waiting);
          this.#startNext();
        }
      },
    };
  }

  #startNext(): void {
    for (const priority of ORDER) {
      const limit = priority === 'demand' ? this.#limit : this.#backgroundLimit;
      for (const waiting of this.#queues[priority]) {
        if (this.#active >= limit) break;
        this.#queues[priority].delete(waiting);
        waiting.start();
      }
    }
  }
}
