import type { Lease, MessageQueue, PeekedMessage, ReceivedMessage } from '../queue/message-queue.ts';
import type { RecordEntry, RecordLease, RecordStore, StoredRecord, WriteOptions } from '../records/record-store.ts';

/** The process has ended, as far as the decorated objects are concerned. */
export class Crash extends Error {
  override readonly name = 'Crash';
  readonly code = 'CRASH';
}

/**
 * Where a process is to be cut: before or after the effect of its n-th step. A step is a call that changes something, through any of the
 * objects that share the plan; receiving counts when it gives a message, and is cut after it. All calls after the cut reject with
 * {@link Crash}, reading ones too.
 */
export class CrashPlan {
  readonly #step: number;
  readonly #when: 'before' | 'after';
  readonly #crash = new AbortController();
  #steps = 0;

  /** @param step from 1; Infinity only counts. */
  constructor(step: number, when: 'before' | 'after') {
    this.#step = step;
    this.#when = when;
  }

  /** Steps so far, the one that was cut included. */
  get steps(): number {
    return this.#steps;
  }

  /** Aborts at the cut. */
  get signal(): AbortSignal {
    return this.#crash.signal;
  }

  /** Takes a step. */
  async step<T>(effect: () => Promise<T>): Promise<T> {
    this.signal.throwIfAborted();
    this.#steps += 1;
    const isCut = this.#steps === this.#step;
    if (isCut && this.#when === 'before') this.#cut();
    const result = await effect();
    if (isCut) this.#cut();
    this.signal.throwIfAborted();
    return result;
  }

  /** Does what is a step only when `isStep` says so of its result. */
  async look<T>(effect: () => Promise<T>, isStep: (result: T) => boolean = () => false): Promise<T> {
    this.signal.throwIfAborted();
    const result = await effect();
    this.signal.throwIfAborted();
    if (isStep(result)) {
      this.#steps += 1;
      if (this.#steps === this.#step) this.#cut();
    }
    return result;
  }

  #cut(): never {
    const crash = new Crash(`cut ${this.#when} step ${this.#step}`);
    this.#crash.abort(crash);
    throw crash;
  }
}

/** A queue as a process sees it that is cut where a plan says. */
export class CrashingQueue implements MessageQueue {
  readonly #queue: MessageQueue;
  readonly #plan: CrashPlan;

  constructor(queue: MessageQueue, plan: CrashPlan) {
    this.#queue = queue;
    this.#plan = plan;
  }

  get name(): string {
    return this.#queue.name;
  }

  create(signal: AbortSignal): Promise<void> {
    return this.#plan.step(() => this.#queue.create(signal));
  }

  send(text: string, signal: AbortSignal): Promise<string> {
    return this.#plan.step(() => this.#queue.send(text, signal));
  }

  receive(count: number, leaseSeconds: number, signal: AbortSignal): Promise<ReceivedMessage[]> {
    return this.#plan.look(
      () => this.#queue.receive(count, leaseSeconds, signal),
      (messages) => messages.length > 0,
    );
  }

  update(lease: Lease, change: { readonly leaseSeconds: number; readonly text?: string }, signal: AbortSignal): Promise<string> {
    return this.#plan.step(() => this.#queue.update(lease, change, signal));
  }

  delete(lease: Lease, signal: AbortSignal): Promise<void> {
    return this.#plan.step(() => this.#queue.delete(lease, signal));
  }

  peek(count: number, signal: AbortSignal): Promise<PeekedMessage[]> {
    return this.#plan.look(() => this.#queue.peek(count, signal));
  }

  approximateLength(signal: AbortSignal): Promise<number> {
    return this.#plan.look(() => this.#queue.approximateLength(signal));
  }
}

/** Records as a process sees them that is cut where a plan says. */
export class CrashingRecords implements RecordStore {
  readonly #records: RecordStore;
  readonly #plan: CrashPlan;

  constructor(records: RecordStore, plan: CrashPlan) {
    this.#records = records;
    this.#plan = plan;
  }

  get name(): string {
    return this.#records.name;
  }

  create(signal: AbortSignal): Promise<void> {
    return this.#plan.step(() => this.#records.create(signal));
  }

  read(name: string, options: { readonly ifMatch?: string }, signal: AbortSignal): Promise<StoredRecord | undefined> {
    return this.#plan.look(() => this.#records.read(name, options, signal));
  }

  exists(name: string, signal: AbortSignal): Promise<boolean> {
    return this.#plan.look(() => this.#records.exists(name, signal));
  }

  write(name: string, body: string | Buffer, options: WriteOptions, signal: AbortSignal): Promise<string> {
    return this.#plan.step(() => this.#records.write(name, body, options, signal));
  }

  async *list(prefix: string, signal: AbortSignal): AsyncIterable<RecordEntry> {
    this.#plan.signal.throwIfAborted();
    for await (const entry of this.#records.list(prefix, signal)) {
      this.#plan.signal.throwIfAborted();
      yield entry;
    }
  }

  delete(name: string, signal: AbortSignal): Promise<void> {
    return this.#plan.step(() => this.#records.delete(name, signal));
  }

  async lease(name: string, seconds: number, signal: AbortSignal): Promise<RecordLease> {
    const lease = await this.#plan.step(() => this.#records.lease(name, seconds, signal));
    return {
      id: lease.id,
      renew: (renewal) => this.#plan.step(() => lease.renew(renewal)),
      release: (end) => this.#plan.step(() => lease.release(end)),
    };
  }
}
