import { QueueError, RecordError } from '../errors.ts';
import { targetSources } from '../job/target-sources.ts';
import type { WarmJob } from '../job/warm-job.ts';
import type { FileFailure } from '../manifest/manifest.ts';
import { formatWorkMessage, parseWorkMessage, type WorkMessage } from '../manifest/work-message.ts';
import type { ReceivedMessage } from '../queue/message-queue.ts';
import type { ItemResult } from '../records/item-result.ts';
import type { Addresses } from './addresses.ts';
import type { FileFault } from './file-fault.ts';
import { ItemLease } from './item-lease.ts';
import { nextAttempt, totalOf } from './item-position.ts';
import { ItemReading } from './item-reading.ts';
import type { ItemSource } from './item-source.ts';
import { sendPoison, summariseFailures } from './poison.ts';
import type { Reader } from './reader.ts';
import type { WorkerOptions } from './worker-options.ts';

/** An item that failed so often fails again. */
export const MOST_FAILURES = 5;
/** An item that was taken so often ends all workers that take it, or is handed back for ever. */
const MOST_RECEIPTS = 50;
/** What fails for a moment, such as a server that restarts, has this time; it doubles with each failure. */
const FIRST_DELAY_SECONDS = 5;
/** The last steps of an item take a moment, and are not given up when the worker is to stop. */
const FINISH_LIMIT_MS = 10_000;

/** What the handling of messages needs. */
export interface ItemRunParts {
  readonly options: Omit<WorkerOptions, 'leaseSeconds'> & { readonly leaseSeconds: number };
  /** As in the options, but with the jobs it has read before kept. @throws when there is none. */
  readonly readJob: (job: string, signal: AbortSignal) => Promise<WarmJob>;
  readonly addresses: Addresses;
  readonly reader: Reader;
}

/** One message of the work queue, from its receipt to its deletion, or until it is handed back. */
export class ItemRun {
  readonly #parts: ItemRunParts;
  readonly #received: ReceivedMessage;
  readonly #began: number;
  readonly #lease: ItemLease;
  #message: WorkMessage;
  #reading: ItemReading | undefined;

  private constructor(parts: ItemRunParts, received: ReceivedMessage, message: WorkMessage) {
    const { work, leaseSeconds, clock, onEvent } = parts.options;
    this.#parts = parts;
    this.#received = received;
    this.#message = message;
    this.#began = clock.now();
    const what = `the lease of item ${message.item} of job ${message.job} was not renewed`;
    this.#lease = new ItemLease(received, {
      queue: work,
      seconds: leaseSeconds,
      clock,
      text: () => formatWorkMessage(this.#current),
      onTrouble: (error) => onEvent({ kind: 'trouble', what, error }),
    });
  }

  /** Handles a message that was just received. At an abort it is handed back. */
  static async handle(parts: ItemRunParts, received: ReceivedMessage, stop: AbortSignal): Promise<void> {
    const { work, workPoison, name, onEvent } = parts.options;
    const message = parseWorkMessage(received.text);
    if (typeof message !== 'string') {
      await new ItemRun(parts, received, message).#handle(stop);
      return;
    }
    await sendPoison(workPoison, message, received.text, name, finishing());
    onEvent({ kind: 'message-poisoned', queue: work.name, id: received.id, reason: message });
    await work.delete(received, finishing());
  }

  get #current(): WorkMessage {
    return this.#reading?.message ?? this.#message;
  }

  async #handle(stop: AbortSignal): Promise<void> {
    const { onEvent } = this.#parts.options;
    const { job, item } = this.#message;
    await using lease = this.#lease;
    try {
      await this.#bringOn(AbortSignal.any([stop, lease.lost]));
    } catch (error) {
      if (lease.lost.aborted) {
        onEvent({ kind: 'lease-lost', job, item });
        return;
      }
      if (!stop.aborted) onEvent({ kind: 'trouble', what: `item ${item} of job ${job} is handed back`, error });
      await this.#handBack(stop.aborted ? 0 : FIRST_DELAY_SECONDS, textOf(stop.aborted ? stop.reason : error));
    }
  }

  async #bringOn(signal: AbortSignal): Promise<void> {
    const { items, onEvent } = this.#parts.options;
    const { job, item, failures } = this.#message;
    if ((await items.outcome(job, item, signal)) !== undefined) return this.#lease.delete(finishing());
    if (failures >= MOST_FAILURES) return this.#giveUp(`it could not be read in ${failures} attempts`, signal);
    if (this.#received.dequeueCount > MOST_RECEIPTS) return this.#giveUp(`it was taken ${MOST_RECEIPTS} times without an end`, signal);
    onEvent({ kind: 'item-started', job, item });
    try {
      await this.#read(signal);
    } catch (error) {
      signal.throwIfAborted();
      if (isOfTheStorage(error)) throw error;
      await this.#failAttempt(textOf(error), signal);
    }
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { reader, addresses, options } = this.#parts;
    const source = await this.#findItem(signal);
    this.#reading = new ItemReading({ reader, addresses, onEvent: options.onEvent }, source, this.#message);
    await this.#reading.run(signal);
    const { faults, message } = this.#reading;
    const failures = failuresOf(source, message.failed, faults, 'it could not be read');
    if (message.failed.every((index) => faults.get(index)?.isPermanent === true)) await this.#finish(failures);
    else await this.#failAttempt(summariseFailures(failures), signal);
  }

  async #finish(failed: readonly FileFailure[]): Promise<void> {
    const { items, onEvent } = this.#parts.options;
    const { job, item } = this.#message;
    this.#lease.lost.throwIfAborted();
    const result = this.#result(failed);
    await items.writeDone(job, item, result, finishing());
    onEvent({ kind: 'item-done', job, item, files: result.files, bytes: result.bytes });
    await this.#lease.delete(finishing());
  }

  async #failAttempt(reason: string, signal: AbortSignal): Promise<void> {
    const message = nextAttempt(this.#current, this.#reading?.count);
    const { job, item, failures } = message;
    this.#parts.options.onEvent({ kind: 'item-failed', job, item, failures, reason });
    if (failures >= MOST_FAILURES) return this.#giveUp(reason, signal);
    this.#become(message);
    await this.#handBack(FIRST_DELAY_SECONDS * 2 ** (failures - 1), reason);
  }

  /** A crash after the first step leaves a message with which only these steps are repeated. */
  async #giveUp(reason: string, signal: AbortSignal): Promise<void> {
    const { items, work, workPoison, name, onEvent } = this.#parts.options;
    const faults = this.#reading?.faults ?? new Map<number, FileFault>();
    const source = await this.#findItem(signal).catch((error: unknown) => {
      if (signal.aborted || isOfTheStorage(error)) throw error;
      return undefined;
    });
    const message = nextAttempt(this.#current, source?.item.files.length);
    this.#become({ ...message, failures: MOST_FAILURES });
    await this.#lease.store(finishing());
    const failed = source === undefined ? [{ path: '', reason }] : failuresOf(source, message.todo ?? [], faults, reason);
    await items.writeFailed(message.job, message.item, this.#result(failed), finishing());
    await sendPoison(workPoison, reason, formatWorkMessage(this.#message), name, finishing());
    onEvent({ kind: 'message-poisoned', queue: work.name, id: this.#received.id, reason });
    await this.#lease.delete(finishing());
  }

  async #handBack(seconds: number, why: string): Promise<void> {
    const { onEvent } = this.#parts.options;
    const { job, item } = this.#message;
    try {
      await this.#lease.handBack(seconds, finishing());
      onEvent({ kind: 'item-handed-back', job, item, why });
    } catch (error) {
      if (this.#lease.lost.aborted) onEvent({ kind: 'lease-lost', job, item });
      else onEvent({ kind: 'trouble', what: `item ${item} of job ${job} was not handed back; others see it when its lease ends`, error });
    }
  }

  async #findItem(signal: AbortSignal): Promise<ItemSource> {
    const { job, walk, page, etag, item: number } = this.#message;
    const warmJob = await this.#parts.readJob(job, signal);
    const { first, items } = await this.#parts.options.page(job, walk, page, etag, signal);
    const item = items[number - first];
    const sources = targetSources(warmJob.target);
    if (item === undefined) throw new Error(`page ${page} has no item ${number}`);
    if (item.address !== undefined && sources[item.address] === undefined) throw new Error(`the job has no address ${item.address}`);
    return { number, item, sources };
  }

  #become(message: WorkMessage): void {
    this.#message = message;
    this.#reading = undefined;
  }

  #result(failed: readonly FileFailure[]): ItemResult {
    const { clock, name } = this.#parts.options;
    const { read } = this.#current;
    return { ...totalOf(read), seconds: (clock.now() - this.#began) / 1000, worker: name, addresses: read, failed: [...failed] };
  }
}

function failuresOf(
  { item }: ItemSource,
  files: readonly number[],
  faults: ReadonlyMap<number, FileFault>,
  otherwise: string,
): FileFailure[] {
  const range = item.range === undefined ? {} : { range: item.range };
  return files.map((index) => ({
    path: item.files[index]?.path ?? '',
    reason: faults.get(index)?.reason ?? otherwise,
    ...range,
  }));
}

/** Whether the queues or records failed, which says nothing about the item. Records that are gone do not come back. */
function isOfTheStorage(error: unknown): boolean {
  return (
    error instanceof QueueError || (error instanceof RecordError && error.code !== 'RECORD_MISSING' && error.code !== 'RECORD_CHANGED')
  );
}

function finishing(): AbortSignal {
  return AbortSignal.timeout(FINISH_LIMIT_MS);
}

function textOf(reason: unknown): string {
  return reason instanceof Error ? reason.message : String(reason);
}
