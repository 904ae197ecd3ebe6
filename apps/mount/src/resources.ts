/**
 * What was opened so far, to be closed in the reverse order, whether the work went well or failed half way.
 */
export class Resources implements AsyncDisposable {
  readonly #open: AsyncDisposable[] = [];

  /** Takes a resource over and gives it back. */
  add<T extends AsyncDisposable>(resource: T): T {
    this.#open.push(resource);
    return resource;
  }

  /** Runs `close` when its turn comes. */
  defer(close: () => Promise<void> | void): void {
    this.#open.push({ [Symbol.asyncDispose]: async () => close() });
  }

  /** Closes everything, also after a failure; throws an `AggregateError` of the failures, if any. */
  async [Symbol.asyncDispose](): Promise<void> {
    const failures: unknown[] = [];
    for (let resource = this.#open.pop(); resource !== undefined; resource = this.#open.pop()) {
      try {
        await resource[Symbol.asyncDispose]();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, 'not everything could be closed');
  }
}
