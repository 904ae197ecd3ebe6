/**
 * Ends a request when the caller aborts it, or when nothing came for too long while somebody waited. One timer serves the whole life of
 * a request: it runs only between `wait` and `pause`.
 */
export class SilenceTimer implements Disposable {
  readonly #controller = new AbortController();
  readonly #caller: AbortSignal | undefined;
  readonly #timer: NodeJS.Timeout;
  readonly #end = Promise.withResolvers<never>();
  readonly #onAbort = (): void => this.#stop();
  #waiting = false;
  /** Whether silence, not the caller, has ended the request. */
  expired = false;

  constructor(timeoutMs: number, caller: AbortSignal | undefined) {
    this.#caller = caller;
    this.#end.promise.catch(() => undefined);
    this.#timer = setTimeout(() => {
      if (!this.#waiting) return;
      this.expired = true;
      this.#stop();
    }, timeoutMs);
    caller?.addEventListener('abort', this.#onAbort);
    if (caller?.aborted === true) this.#stop();
  }

  /** For what does the work. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** From now on silence counts. */
  wait(): void {
    this.#waiting = true;
    this.#timer.refresh();
  }

  /** Something came; the consumer may take its time. */
  pause(): void {
    this.#waiting = false;
  }

  /** The result of `work`, or a rejection as soon as the request is ended: not all work can be stopped by a signal. */
  async race<T>(work: Promise<T>): Promise<T> {
    return Promise.race([work, this.#end.promise]);
  }

  #stop(): void {
    this.#controller.abort();
    this.#end.reject(new Error('ended'));
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#caller?.removeEventListener('abort', this.#onAbort);
  }
}
