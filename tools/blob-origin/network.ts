import { setTimeout as sleep } from 'node:timers/promises';

/** What goes wrong with every nth request: */
export interface OriginFault {
  /**
   * - `busy`: 503 ServerBusy with `Retry-After: 1`
   * - `error`: 500 InternalError
   * - `reset`: the connection is reset in the middle of the body
   * - `stall`: the body stops in the middle, and the connection stays open
   */
  readonly kind: 'busy' | 'error' | 'reset' | 'stall';
  /** Every nth request meets it, counted from 1. */
  readonly every: number;
}

/** How the network between a client and the origin behaves. All of it may be changed while the server runs. */
export interface NetworkConditions {
  /** Time before an answer begins, in milliseconds. Default 0. */
  latencyMs?: number;
  /** Bandwidth of the one link that all connections share. Default: no limit. */
  bytesPerSecond?: number;
  faults?: readonly OriginFault[];
}

/** The link to the clients: delays answers, paces bytes, and hands out faults. */
export class Network {
  readonly #conditions: NetworkConditions;
  #requests = 0;
  /** When the link has sent all that it took on, in milliseconds of `performance.now`. */
  #busyUntil = 0;

  constructor(conditions: NetworkConditions) {
    this.#conditions = conditions;
  }

  /** Begins a request: waits for the latency and says what shall go wrong with it. */
  async begin(signal: AbortSignal): Promise<OriginFault['kind'] | undefined> {
    this.#requests += 1;
    const fault = this.#conditions.faults?.find(({ every }) => this.#requests % every === 0);
    const latencyMs = this.#conditions.latencyMs ?? 0;
    if (latencyMs > 0) await sleep(latencyMs, undefined, { signal });
    return fault?.kind;
  }

  /** Bytes that are sent in one go: all that is read at once, or a hundredth of a second's worth. */
  pieceBytes(maximum: number): number {
    const { bytesPerSecond = Infinity } = this.#conditions;
    return Math.max(4096, Math.min(maximum, Math.floor(bytesPerSecond / 100)));
  }

  /** Waits until the link has room for these bytes. */
  async send(bytes: number, signal: AbortSignal): Promise<void> {
    const { bytesPerSecond } = this.#conditions;
    if (bytesPerSecond === undefined) return;
    const now = performance.now();
    this.#busyUntil = Math.max(this.#busyUntil, now) + (bytes / bytesPerSecond) * 1000;
    if (this.#busyUntil > now) await sleep(this.#busyUntil - now, undefined, { signal });
  }
}
