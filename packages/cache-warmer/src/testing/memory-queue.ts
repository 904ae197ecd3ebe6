import { randomUUID } from 'node:crypto';
import { QueueError } from '../errors.ts';
import type { Lease, MessageQueue, PeekedMessage, ReceivedMessage } from '../queue/message-queue.ts';
import { turn } from './turn.ts';

interface Message {
  readonly id: string;
  readonly insertedAt: Date;
  text: string;
  dequeueCount: number;
  /** Proves the newest lease; as with the service, it stays good after the lease has ended until someone else gets a new one. */
  receipt: string;
  visibleAt: number;
}

const MOST_BYTES = 64 * 1024;
const MOST_MESSAGES = 32;
const LONGEST_LEASE_SECONDS = 7 * 24 * 3600;

/** A queue in memory that behaves as one of Azure Storage does. */
export class MemoryQueue implements MessageQueue {
  readonly name: string;
  readonly #now: () => number;
  readonly #messages = new Map<string, Message>();
  #isMade = false;

  /** @param now the time in milliseconds since 1970; leases end by it. */
  constructor(name: string, now: () => number) {
    this.name = name;
    this.#now = now;
  }

  async create(signal: AbortSignal): Promise<void> {
    await turn(signal);
    this.#isMade = true;
  }

  async send(text: string, signal: AbortSignal): Promise<string> {
    await this.#begin('send', signal);
    this.#assertFits('send', text);
    const id = randomUUID();
    const now = this.#now();
    this.#messages.set(id, { id, text, dequeueCount: 0, insertedAt: new Date(now), receipt: randomUUID(), visibleAt: now });
    return id;
  }

  async receive(count: number, leaseSeconds: number, signal: AbortSignal): Promise<ReceivedMessage[]> {
    await this.#begin('receive', signal);
    this.#assertWithin('receive', leaseSeconds, 1, LONGEST_LEASE_SECONDS);
    return this.#visible('receive', count).map((message) => {
      message.dequeueCount += 1;
      message.receipt = randomUUID();
      message.visibleAt = this.#now() + leaseSeconds * 1000;
      return { ...peeked(message), receipt: message.receipt };
    });
  }

  async update(lease: Lease, change: { readonly leaseSeconds: number; readonly text?: string }, signal: AbortSignal): Promise<string> {
    await this.#begin('update', signal);
    this.#assertWithin('update', change.leaseSeconds, 0, LONGEST_LEASE_SECONDS);
    if (change.text !== undefined) this.#assertFits('update', change.text);
    const message = this.#leased('update', lease);
    message.receipt = randomUUID();
    message.visibleAt = this.#now() + change.leaseSeconds * 1000;
    message.text = change.text ?? message.text;
    return message.receipt;
  }

  async delete(lease: Lease, signal: AbortSignal): Promise<void> {
    await this.#begin('delete', signal);
    this.#messages.delete(this.#leased('delete', lease).id);
  }

  async peek(count: number, signal: AbortSignal): Promise<PeekedMessage[]> {
    await this.#begin('peek', signal);
    return this.#visible('peek', count).map(peeked);
  }

  async approximateLength(signal: AbortSignal): Promise<number> {
    await this.#begin('approximateLength', signal);
    return this.#messages.size;
  }

  async #begin(method: string, signal: AbortSignal): Promise<void> {
    await turn(signal);
    if (!this.#isMade) throw new QueueError('QUEUE_MISSING', `queue ${this.name}: ${method}: there is no such queue`);
  }

  #visible(method: string, count: number): Message[] {
    this.#assertWithin(method, count, 1, MOST_MESSAGES);
    const now = this.#now();
    const visible = [...this.#messages.values()].filter(({ visibleAt }) => visibleAt <= now);
    return visible.sort((left, right) => left.visibleAt - right.visibleAt).slice(0, count);
  }

  #leased(method: string, { id, receipt }: Lease): Message {
    const message = this.#messages.get(id);
    if (message?.receipt === receipt) return message;
    throw new QueueError('QUEUE_LEASE_LOST', `queue ${this.name}: ${method} came too late: the lease of the message has ended`);
  }

  #assertFits(method: string, text: string): void {
    this.#assertWithin(method, Buffer.byteLength(text), 0, MOST_BYTES);
  }

  #assertWithin(method: string, value: number, least: number, most: number): void {
    if (value >= least && value <= most) return;
    throw new QueueError('QUEUE_FAILED', `queue ${this.name}: ${method} failed: ${value} is not between ${least} and ${most}`);
  }
}

function peeked({ id, text, dequeueCount, insertedAt }: Message): PeekedMessage {
  return { id, text, dequeueCount, insertedAt };
}
