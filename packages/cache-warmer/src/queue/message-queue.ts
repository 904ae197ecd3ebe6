/** A message that was received and is hidden from others until its lease ends. */
export interface ReceivedMessage {
  /** Given by the queue when the message was sent; the same however often it is received. */
  readonly id: string;
  readonly text: string;
  /** How often it has been received, this time included. */
  readonly dequeueCount: number;
  readonly insertedAt: Date;
  /** Proves the lease. Every renewal gives a new one, and only the newest is good. */
  readonly receipt: string;
}

/** A message that was only looked at. */
export type PeekedMessage = Omit<ReceivedMessage, 'receipt'>;

/** What is known of a lease. */
export type Lease = Pick<ReceivedMessage, 'id' | 'receipt'>;

/**
 * A queue of texts with at-least-once delivery, in no certain order: the contract of Azure Storage queues
 * (https://learn.microsoft.com/rest/api/storageservices/queue-service-rest-api). A message that is received is leased; unless it is
 * deleted, it is seen again when the lease ends. Messages never expire.
 *
 * All methods reject with {@link QueueError} and stop at an abort.
 */
export interface MessageQueue {
  readonly name: string;
  /** Makes the queue; one that exists already is as good. */
  create(signal: AbortSignal): Promise<void>;
  /** @param text at most 64 KiB. @returns the id of the message. */
  send(text: string, signal: AbortSignal): Promise<string>;
  /** @param count 1 to 32. @param leaseSeconds 1 to 604,800. @returns as many as there are, without waiting for one. */
  receive(count: number, leaseSeconds: number, signal: AbortSignal): Promise<ReceivedMessage[]>;
  /**
   * Renews a lease, or ends it at once with `leaseSeconds` 0. @param text replaces that of the message.
   * @returns the new receipt. Rejects with `QUEUE_LEASE_LOST` when someone else may have it now.
   */
  update(lease: Lease, change: { readonly leaseSeconds: number; readonly text?: string }, signal: AbortSignal): Promise<string>;
  /** Rejects with `QUEUE_LEASE_LOST` when someone else may have it now. */
  delete(lease: Lease, signal: AbortSignal): Promise<void>;
  /** Looks at messages that nobody has leased. @param count 1 to 32. */
  peek(count: number, signal: AbortSignal): Promise<PeekedMessage[]>;
  /** About how many messages there are, leased ones included; never fewer than there are. */
  approximateLength(signal: AbortSignal): Promise<number>;
}
