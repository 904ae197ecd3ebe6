import type { RequestContext } from '../file-system.ts';

/** The context of one request. Its signal is made only when someone looks at it: most requests end without. */
export class RequestScope implements RequestContext {
  #controller: AbortController | undefined;
  #interrupted = false;

  /** Whether the waiting process was interrupted. */
  get interrupted(): boolean {
    return this.#interrupted;
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#interrupted) this.#controller.abort();
    }
    return this.#controller.signal;
  }

  interrupt(): void {
    this.#interrupted = true;
    this.#controller?.abort();
  }
}

/** The requests that are being answered, so that an interrupt finds the one that it means. */
export class RequestsInFlight {
  readonly #scopes = new Map<bigint, RequestScope>();

  begin(unique: bigint): RequestScope {
    const scope = new RequestScope();
    this.#scopes.set(unique, scope);
    return scope;
  }

  end(unique: bigint): void {
    this.#scopes.delete(unique);
  }

  /** @returns false if the request is not known: not yet, as threads may bring an interrupt first, or no longer. */
  interrupt(target: bigint): boolean {
    const scope = this.#scopes.get(target);
    scope?.interrupt();
    return scope !== undefined;
  }

  /** Interrupts all: nobody waits for an answer any more. */
  interruptAll(): void {
    for (const scope of this.#scopes.values()) scope.interrupt();
  }
}
