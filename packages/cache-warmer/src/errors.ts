/**
 * A queue refused or could not be reached.
 *
 * - `QUEUE_LEASE_LOST`: the lease of a message has ended, and someone else may have the message now.
 * - `QUEUE_MISSING`: there is no such queue.
 * - `QUEUE_DENIED`: the caller has no right to it.
 * - `QUEUE_FAILED`: anything else; the cause tells.
 */
export class QueueError extends Error {
  override readonly name = 'QueueError';
  readonly code: 'QUEUE_LEASE_LOST' | 'QUEUE_MISSING' | 'QUEUE_DENIED' | 'QUEUE_FAILED';

  constructor(code: QueueError['code'], message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/**
 * A record store refused or could not be reached.
 *
 * - `RECORD_EXISTS`, `RECORD_CHANGED`: a condition of the write or read did not hold.
 * - `RECORD_LEASED`, `RECORD_LEASE_LOST`: someone else has the lease.
 * - `RECORD_MISSING`: there is no such record, or no such store.
 * - `RECORD_DENIED`: the caller has no right to it.
 * - `RECORD_FAILED`: anything else; the cause tells.
 */
export class RecordError extends Error {
  override readonly name = 'RecordError';
  readonly code:
    'RECORD_EXISTS' | 'RECORD_CHANGED' | 'RECORD_LEASED' | 'RECORD_LEASE_LOST' | 'RECORD_MISSING' | 'RECORD_DENIED' | 'RECORD_FAILED';

  constructor(code: RecordError['code'], message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** A source could not be made readable; the message says which and what to do. */
export class MountError extends Error {
  override readonly name = 'MountError';
  readonly code = 'MOUNT_FAILED';
}
