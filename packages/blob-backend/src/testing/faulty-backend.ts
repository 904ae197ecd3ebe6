import { setTimeout as sleep } from 'node:timers/promises';
import type { BlobBackend, BlobProperties, ListOptions, ListPage, ReadOptions } from '../backend.ts';
import { BlobError, type BlobErrorCode, type BlobErrorKind } from '../errors.ts';

/** Which requests a fault or gate is for. */
export interface RequestMatch {
  /** Default: every operation. Each page of a listing is a request of its own. */
  readonly operation?: 'list' | 'stat' | 'read';
  /** The blob's path, or the prefix of a listing. Default: every one. */
  readonly path?: string | ((path: string) => boolean);
  /** How many requests it takes; the later ones pass. Default 1 for failures, `Infinity` for gates and delays. */
  readonly times?: number;
  /** Reads only: let this many bytes through first. Default 0. */
  readonly afterBytes?: number;
}

/** A barrier at which matching requests wait. */
export interface Gate {
  /** Requests that wait now. */
  readonly waiting: number;
  /** Settles when at least `count` requests wait. */
  reached(count?: number): Promise<void>;
  /** Lets all waiting requests and all later ones pass. */
  open(): void;
}

const KINDS: Readonly<Record<BlobErrorCode, BlobErrorKind>> = {
  BLOB_NOT_FOUND: 'not_found',
  BLOB_CONTAINER_NOT_FOUND: 'not_found',
  BLOB_ACCESS_DENIED: 'denied',
  BLOB_CHANGED: 'changed',
  BLOB_RANGE: 'range',
  BLOB_UNREACHABLE: 'network',
  BLOB_TIMEOUT: 'timeout',
  BLOB_THROTTLED: 'throttled',
  BLOB_SERVICE: 'service',
  BLOB_PROTOCOL: 'protocol',
  BLOB_REQUEST: 'request',
};

interface Fault {
  readonly match: RequestMatch;
  left: number;
  /** Waits or throws. */
  readonly effect: (signal: AbortSignal | undefined) => Promise<void> | void;
}

/** A decorator that makes another backend fail, wait or answer late on request. Faults apply in the order in which they were added. */
export class FaultyBackend implements BlobBackend {
  readonly #inner: BlobBackend;
  readonly #faults: Fault[] = [];

  constructor(inner: BlobBackend) {
    this.#inner = inner;
  }

  get name(): string {
    return this.#inner.name;
  }

  /** Fails matching requests with this code. */
  fail(code: BlobErrorCode, match: RequestMatch & { readonly retryAfterMs?: number } = {}): void {
    this.#add(match, 1, () => {
      throw new BlobError(code, KINDS[code], this.name, 'injected failure', { retryAfterMs: match.retryAfterMs });
    });
  }

  /** Lets matching requests wait at a gate. A request aborted there fails with its signal's reason. */
  hold(match: RequestMatch = {}): Gate {
    const gate = new WaitingGate();
    this.#add(match, Infinity, (signal) => gate.pass(signal));
    return gate;
  }

  /** Answers matching requests this much later, in milliseconds. */
  delay(milliseconds: number, match: RequestMatch = {}): void {
    this.#add(match, Infinity, async (signal) => {
      await sleep(milliseconds, undefined, { signal }).catch((error: unknown) => {
        signal?.throwIfAborted();
        throw error;
      });
    });
  }

  /** Forgets all faults, delays and gates; requests that wait at a gate go on waiting. */
  heal(): void {
    this.#faults.length = 0;
  }

  #add(match: RequestMatch, defaultTimes: number, effect: Fault['effect']): void {
    this.#faults.push({ match, left: match.times ?? defaultTimes, effect });
  }

  /** The faults that this request may meet. */
  #matching(operation: 'list' | 'stat' | 'read', path: string): Fault[] {
    return this.#faults.filter(({ left, match }) => {
      const onlyPath = match.path ?? path;
      return (
        left > 0 && (match.operation ?? operation) === operation && (typeof onlyPath === 'function' ? onlyPath(path) : onlyPath === path)
      );
    });
  }

  async *list(options: ListOptions): AsyncGenerator<ListPage, void> {
    const pages = this.#inner.list(options)[Symbol.asyncIterator]();
    try {
      for (;;) {
        for (const fault of this.#matching('list', options.prefix)) await meet(fault, options.signal);
        const page = await pages.next();
        if (page.done === true) return;
        yield page.value;
        if (page.value.nextMarker === undefined) return;
      }
    } finally {
      await pages.return?.();
    }
  }

  async stat(path: string, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<BlobProperties> {
    for (const fault of this.#matching('stat', path)) await meet(fault, options.signal);
    return this.#inner.stat(path, options);
  }

  async *read(path: string, options: ReadOptions): AsyncGenerator<Uint8Array, void> {
    const pending = this.#matching('read', path).sort((a, b) => (a.match.afterBytes ?? 0) - (b.match.afterBytes ?? 0));
    let done = 0;
    const due = async (): Promise<void> => {
      for (let next = pending[0]; next !== undefined && (next.match.afterBytes ?? 0) <= done; next = pending[0]) {
        pending.shift();
        await meet(next, options.signal);
      }
    };
    await due();
    for await (const piece of this.#inner.read(path, options)) {
      let rest = piece;
      while (rest.length > 0) {
        const until = pending[0]?.match.afterBytes ?? Infinity;
        const part = rest.subarray(0, Math.min(rest.length, until - done));
        done += part.length;
        rest = rest.subarray(part.length);
        yield part;
        await due();
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]();
  }
}

async function meet(fault: Fault, signal: AbortSignal | undefined): Promise<void> {
  // Another request may have met it in the meantime.
  if (fault.left <= 0) return;
  fault.left -= 1;
  await fault.effect(signal);
}

class WaitingGate implements Gate {
  waiting = 0;
  readonly #opened = Promise.withResolvers<undefined>();
  readonly #arrivals = new Set<() => void>();

  async pass(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    this.waiting += 1;
    for (const arrived of this.#arrivals) arrived();
    const aborted = Promise.withResolvers<undefined>();
    const abort = (): void => aborted.resolve(undefined);
    signal?.addEventListener('abort', abort);
    try {
      await Promise.race([this.#opened.promise, aborted.promise]);
      signal?.throwIfAborted();
    } finally {
      this.waiting -= 1;
      signal?.removeEventListener('abort', abort);
    }
  }

  reached(count = 1): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (this.waiting < count) return;
        this.#arrivals.delete(check);
        resolve();
      };
      this.#arrivals.add(check);
      check();
    });
  }

  open(): void {
    this.#opened.resolve(undefined);
  }
}
