import type { QueueClient } from '@azure/storage-queue';
import { callService, ServiceFault } from '../azure/service-call.ts';
import { QueueError } from '../errors.ts';
import type { Lease, MessageQueue, PeekedMessage, ReceivedMessage } from './message-queue.ts';

/** Stays until it is deleted; by default the service drops a message after seven days. */
const NEVER_EXPIRES = -1;

/**
 * A queue of an Azure Storage account. Texts are sent as they are.
 *
 * The client of the SDK tries failed requests again. When only an answer was lost, a message may so be sent twice, and a renewal or a
 * deletion that has happened may reject with `QUEUE_LEASE_LOST`.
 */
export class AzureQueue implements MessageQueue {
  readonly #client: QueueClient;

  constructor(client: QueueClient) {
    this.#client = client;
  }

  get name(): string {
    return this.#client.name;
  }

  async create(signal: AbortSignal): Promise<void> {
    await this.#call('create', signal, (abortSignal) => this.#client.createIfNotExists({ abortSignal }));
  }

  async send(text: string, signal: AbortSignal): Promise<string> {
    const options = { messageTimeToLive: NEVER_EXPIRES };
    const { messageId } = await this.#call('send', signal, (abortSignal) => this.#client.sendMessage(text, { ...options, abortSignal }));
    return messageId;
  }

  async receive(count: number, leaseSeconds: number, signal: AbortSignal): Promise<ReceivedMessage[]> {
    const options = { numberOfMessages: count, visibilityTimeout: leaseSeconds };
    const { receivedMessageItems } = await this.#call('receive', signal, (abortSignal) =>
      this.#client.receiveMessages({ ...options, abortSignal }),
    );
    return receivedMessageItems.map(({ messageId: id, messageText: text, dequeueCount, insertedOn: insertedAt, popReceipt: receipt }) => ({
      ...{ id, text, dequeueCount, insertedAt, receipt },
    }));
  }

  async update(lease: Lease, change: { readonly leaseSeconds: number; readonly text?: string }, signal: AbortSignal): Promise<string> {
    const { popReceipt } = await this.#call('update', signal, (abortSignal) =>
      this.#client.updateMessage(lease.id, lease.receipt, change.text, change.leaseSeconds, { abortSignal }),
    );
    if (popReceipt === undefined) throw new QueueError('QUEUE_FAILED', `queue ${this.name}: update was answered without a receipt`);
    return popReceipt;
  }

  async delete(lease: Lease, signal: AbortSignal): Promise<void> {
    await this.#call('delete', signal, (abortSignal) => this.#client.deleteMessage(lease.id, lease.receipt, { abortSignal }));
  }

  async peek(count: number, signal: AbortSignal): Promise<PeekedMessage[]> {
    const { peekedMessageItems } = await this.#call('peek', signal, (abortSignal) =>
      this.#client.peekMessages({ numberOfMessages: count, abortSignal }),
    );
    return peekedMessageItems.map(({ messageId: id, messageText: text, dequeueCount, insertedOn: insertedAt }) => ({
      ...{ id, text, dequeueCount, insertedAt },
    }));
  }

  async approximateLength(signal: AbortSignal): Promise<number> {
    const { approximateMessagesCount } = await this.#call('approximateLength', signal, (abortSignal) =>
      this.#client.getProperties({ abortSignal }),
    );
    if (approximateMessagesCount === undefined) throw new QueueError('QUEUE_FAILED', `queue ${this.name}: it does not say its length`);
    return approximateMessagesCount;
  }

  async #call<T>(method: string, signal: AbortSignal, request: (signal: AbortSignal) => Promise<T>): Promise<T> {
    try {
      return await callService(signal, request);
    } catch (error) {
      throw error instanceof ServiceFault ? this.#errorOf(method, error) : error;
    }
  }

  #errorOf(method: string, cause: ServiceFault): QueueError {
    const { status, code, summary } = cause;
    const what = `queue ${this.name}: ${method}`;
    if (code === 'MessageNotFound' || code === 'PopReceiptMismatch') {
      return new QueueError('QUEUE_LEASE_LOST', `${what} came too late: the lease of the message has ended (${code})`, { cause });
    }
    if (code === 'QueueNotFound') {
      return new QueueError('QUEUE_MISSING', `${what}: there is no such queue; check the queue prefix, or provision it`, { cause });
    }
    if (status === 401 || status === 403) {
      const advice =
        'check that the identity has the role "Storage Queue Data Contributor" on the queue, that the key fits the account, ' +
        'and that the network rules of the account let this machine in';
      return new QueueError('QUEUE_DENIED', `${what} was denied (${status} ${code}); ${advice}`, { cause });
    }
    return new QueueError('QUEUE_FAILED', `${what} failed: ${summary}`, { cause });
  }
}
