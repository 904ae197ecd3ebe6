import type { BlobBackend, BlobProperties, ListOptions, ListPage, ReadOptions } from './backend.ts';
import { BlobError } from './errors.ts';
import { bytesChannel, requestChannel, type BytesEvent, type RequestEvent } from './events.ts';

/**
 * Tells of every request on the diagnostics channels of {@link RequestEvent} and {@link BytesEvent}. Put it next to the store, inside
 * {@link withRetries}, so that every try is seen.
 */
export function withRequestEvents(backend: BlobBackend): BlobBackend {
  return new ObservedBackend(backend);
}

class ObservedBackend implements BlobBackend {
  readonly #inner: BlobBackend;

  constructor(inner: BlobBackend) {
    this.#inner = inner;
  }

  get name(): string {
    return this.#inner.name;
  }

  async *list(options: ListOptions): AsyncGenerator<ListPage, void> {
    const pages = this.#inner.list(options)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const request = new ObservedRequest(this.name, 'list');
        const result = await request.wait(pages.next()).catch((error: unknown) => request.fail(error));
        if (result.done === true) return;
        request.end();
        yield result.value;
      }
    } finally {
      await pages.return?.();
    }
  }

  async stat(path: string, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<BlobProperties> {
    const request = new ObservedRequest(this.name, 'stat');
    const properties = await request.wait(this.#inner.stat(path, options)).catch((error: unknown) => request.fail(error));
    request.end();
    return properties;
  }

  async *read(path: string, options: ReadOptions): AsyncGenerator<Uint8Array, void> {
    const request = new ObservedRequest(this.name, 'read');
    const pieces = this.#inner.read(path, options)[Symbol.asyncIterator]();
    try {
      for (;;) {
        const result = await request.wait(pieces.next()).catch((error: unknown) => request.fail(error));
        if (result.done === true) return;
        request.count(result.value.length);
        yield result.value;
      }
    } finally {
      request.end();
      await pieces.return?.();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inner[Symbol.asyncDispose]();
  }
}

/** Times one request; only the waits for the store count, not what its reader does in between. */
class ObservedRequest {
  readonly #backend: string;
  readonly #operation: RequestEvent['operation'];
  #durationMs = 0;
  #bytes = 0;
  #ended = false;

  constructor(backend: string, operation: RequestEvent['operation']) {
    this.#backend = backend;
    this.#operation = operation;
  }

  async wait<T>(work: Promise<T>): Promise<T> {
    const start = performance.now();
    try {
      return await work;
    } finally {
      this.#durationMs += performance.now() - start;
    }
  }

  count(bytes: number): void {
    this.#bytes += bytes;
    if (bytesChannel.hasSubscribers) bytesChannel.publish({ backend: this.#backend, bytes } satisfies BytesEvent);
  }

  end(error?: BlobError): void {
    if (this.#ended) return;
    this.#ended = true;
    if (!requestChannel.hasSubscribers) return;
    const event: RequestEvent = { backend: this.#backend, operation: this.#operation, durationMs: this.#durationMs, bytes: this.#bytes };
    requestChannel.publish(error === undefined ? event : { ...event, error });
  }

  fail(error: unknown): never {
    this.end(error instanceof BlobError ? error : undefined);
    throw error;
  }
}
