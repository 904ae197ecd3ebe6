/**
 * What went wrong, as stable codes.
 *
 * - `BLOB_NOT_FOUND`: a real 404 for the blob (or the container: `BLOB_CONTAINER_NOT_FOUND`).
 * - `BLOB_ACCESS_DENIED`: 401 or 403, or no credential could be had.
 * - `BLOB_CHANGED`: the version asked for is not the current one.
 * - `BLOB_RANGE`: the range lies outside the blob.
 * - `BLOB_UNREACHABLE`, `BLOB_TIMEOUT`: no answer; `kind` tells DNS, TLS and network apart.
 * - `BLOB_THROTTLED`: 429, or 503 with "server busy".
 * - `BLOB_SERVICE`: any other answer of 500 and above.
 * - `BLOB_PROTOCOL`: an answer that breaks the protocol (short body, wrong range, missing header).
 * - `BLOB_REQUEST`: the store refused the request for another reason (4xx).
 */
export type BlobErrorCode =
  | 'BLOB_NOT_FOUND'
  | 'BLOB_CONTAINER_NOT_FOUND'
  | 'BLOB_ACCESS_DENIED'
  | 'BLOB_CHANGED'
  | 'BLOB_RANGE'
  | 'BLOB_UNREACHABLE'
  | 'BLOB_TIMEOUT'
  | 'BLOB_THROTTLED'
  | 'BLOB_SERVICE'
  | 'BLOB_PROTOCOL'
  | 'BLOB_REQUEST';

/** The word that logs and the metric `warpdrive_backend_errors_total{kind}` use. */
export type BlobErrorKind =
  'not_found' | 'denied' | 'changed' | 'range' | 'dns' | 'tls' | 'network' | 'timeout' | 'throttled' | 'service' | 'protocol' | 'request';

/** Codes after which the same request may succeed. */
const RETRYABLE: ReadonlySet<BlobErrorCode> = new Set<BlobErrorCode>([
  'BLOB_UNREACHABLE',
  'BLOB_TIMEOUT',
  'BLOB_THROTTLED',
  'BLOB_SERVICE',
  'BLOB_PROTOCOL',
]);

/** A failed request to a backend. The message names the backend and says what to check; the original error is the `cause`. */
export class BlobError extends Error {
  override readonly name = 'BlobError';
  readonly code: BlobErrorCode;
  readonly kind: BlobErrorKind;
  /** Name of the backend that failed. */
  readonly backend: string;
  /** How long the store asks to wait before the next try (`Retry-After`), in milliseconds. */
  readonly retryAfterMs: number | undefined;

  constructor(
    code: BlobErrorCode,
    kind: BlobErrorKind,
    backend: string,
    message: string,
    options: { readonly cause?: unknown; readonly retryAfterMs?: number | undefined } = {},
  ) {
    super(`${backend}: ${message}`, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.kind = kind;
    this.backend = backend;
    this.retryAfterMs = options.retryAfterMs;
  }

  /** Whether the same request may succeed later. */
  get retryable(): boolean {
    return RETRYABLE.has(this.code);
  }
}
