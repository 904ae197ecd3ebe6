/**
 * How the clients of the SDK try again: some five seconds long, which bridges a restart of a storage node; whoever calls has a longer wait.
 */
export const RETRY_OPTIONS = { maxTries: 5, retryDelayInMs: 500, maxRetryDelayInMs: 10_000 } as const;

/** The service itself gives a request up after 30 s; an answer that takes longer with all retries never comes. */
const CALL_LIMIT_MS = 60_000;

/**
 * What Azure Storage said of a request, or why it said nothing. It has the words of the SDK's error, but not its request: that has the bearer
 * token in a header, and errors end up in logs.
 */
export class ServiceFault extends Error {
  override readonly name = 'ServiceFault';
  /** HTTP status; undefined when there was no answer. */
  readonly status: number | undefined;
  /** Such as `BlobNotFound`; empty when there is none. */
  readonly code: string;

  constructor(error: unknown) {
    super(error instanceof Error ? error.message : String(error), { cause: valueAt(error, 'cause') });
    this.status = numberAt(error, 'statusCode');
    // Answers to HEAD have no body, and the code only in a header.
    this.code = stringAt(error, 'code') ?? stringAt(valueAt(error, 'details'), 'errorCode') ?? '';
  }

  /** Status, code and the first line of the message. */
  get summary(): string {
    const [text = ''] = this.message.split('\n');
    return this.status === undefined ? text : `${this.status} ${this.code} ${text}`;
  }
}

/**
 * Runs a request that stops at an abort of `signal`, and after a minute when a connection has died unnoticed. Rejects with the signal's
 * reason after an abort, otherwise with {@link ServiceFault}.
 */
export async function callService<T>(signal: AbortSignal, request: (signal: AbortSignal) => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  // A signal of its own rather than AbortSignal.any with a timeout: thousands of calls a second would leave as many timers behind.
  const controller = new AbortController();
  const onAbort = (): void => controller.abort(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const limit = setTimeout(() => controller.abort(new Error(`no answer within ${CALL_LIMIT_MS / 1000} s`)), CALL_LIMIT_MS);
  try {
    return await request(controller.signal);
  } catch (error) {
    // After an abort the SDK rejects with an error of its own.
    signal.throwIfAborted();
    throw new ServiceFault(controller.signal.aborted ? controller.signal.reason : error);
  } finally {
    clearTimeout(limit);
    signal.removeEventListener('abort', onAbort);
  }
}

function valueAt(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (Reflect.get(value, key) as unknown) : undefined;
}

function numberAt(value: unknown, key: string): number | undefined {
  const found = valueAt(value, key);
  return typeof found === 'number' ? found : undefined;
}

function stringAt(value: unknown, key: string): string | undefined {
  const found = valueAt(value, key);
  return typeof found === 'string' && found !== '' ? found : undefined;
}
