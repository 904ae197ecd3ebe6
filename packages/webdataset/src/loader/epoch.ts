import { WebDatasetError } from '../errors.ts';
import type { ImageShape } from '../decode/image.ts';
import { shardOrder, ShuffleBuffer } from '../order.ts';
import { publishSkipped } from '../skipped.ts';
import type { Crew } from '../workers/crew.ts';
import { type DecodeReply, type ImageFailure, NO_WINDOW, SOURCE_WORDS } from '../workers/protocol.ts';
import { BatchAssembler, type DecodedSlot } from './batch-assembler.ts';
import { Channel } from './channel.ts';
import { ReferenceReader, type SampleReference } from './reference-reader.ts';
import type { SlotPool } from './slot-pool.ts';
import { type WindowLease, WindowPool } from './window-pool.ts';

/** What an epoch works with; the loader's own, shared by all its epochs. */
export interface EpochResources {
  readonly crew: Crew;
  readonly slots: SlotPool;
  /** The memory of all slots. */
  readonly pixels: Uint8Array;
  readonly windowCount: number;
  readonly shape: ImageShape;
}

/** What an epoch delivers. */
export interface EpochPlan {
  readonly shards: readonly string[];
  readonly epoch: number;
  readonly seed: number;
  readonly shuffle: boolean;
  readonly shuffleBuffer: number;
  readonly batchSize: number;
  readonly lastBatch: 'drop' | 'keep';
  readonly onError: 'raise' | 'skip';
}

/** A request on its way: the samples that will be at the places 0, 1, 2 … of the slot. */
interface Task {
  readonly slot: number;
  readonly samples: SampleReference[];
  readonly reply: Promise<DecodeReply>;
}

/**
 * One pass over the data: a producer walks the order and hands out batches of samples for decoding, as far ahead as there are
 * slots; the consumer takes them in the order in which they were handed out.
 */
export class Epoch {
  readonly #resources: EpochResources;
  readonly #plan: EpochPlan;
  readonly #windows: WindowPool;
  readonly #tasks = new Channel<Task>();
  /** Samples handed out for decoding, less those known to have failed: what the batches are made of. */
  #expected = 0;

  constructor(resources: EpochResources, plan: EpochPlan) {
    this.#resources = resources;
    this.#plan = plan;
    this.#windows = new WindowPool(resources.windowCount);
  }

  /**
   * The batches; each one's slot is the caller's to release. Leaving the loop early waits for what is under way and gives all
   * other slots back.
   */
  async *batches(signal: AbortSignal): AsyncGenerator<DecodedSlot, void, undefined> {
    const { slots, pixels, shape } = this.#resources;
    const imageBytes = shape.height * shape.width * shape.channels;
    const assembler = new BatchAssembler(this.#plan.batchSize, imageBytes, pixels, (slot) => slots.release(slot));
    const stop = new AbortController();
    const producer = this.#produce(AbortSignal.any([signal, stop.signal]));
    let current: Task | undefined;
    try {
      for await (const task of this.#tasks) {
        current = task;
        const { failures } = await task.reply;
        signal.throwIfAborted(); // What is decoded already is not delivered any more.
        for (const failure of failures) this.#settle(failure, task.samples[failure.index]);
        const batch = assembler.push(task, new Set(failures.map(({ index }) => index)));
        current = undefined;
        if (batch !== undefined) yield batch;
      }
      signal.throwIfAborted();
      const rest = assembler.finish();
      if (rest !== undefined && this.#plan.lastBatch === 'keep') yield rest;
      else if (rest !== undefined) slots.release(rest.slot);
    } finally {
      stop.abort(new WebDatasetError('WDS_CLOSED', 'the epoch was left'));
      await producer;
      const unused = this.#tasks.drain();
      await Promise.allSettled(unused.map(({ reply }) => reply));
      for (const { slot } of current === undefined ? unused : [current, ...unused]) slots.release(slot);
      const partial = assembler.finish();
      if (partial !== undefined) slots.release(partial.slot);
    }
  }

  /** Raises or notes the fault of one image. */
  #settle({ code, reason }: ImageFailure, sample: SampleReference | undefined): void {
    this.#expected--;
    this.#reject(new WebDatasetError(code, reason, { shard: sample?.shard, key: sample?.key, offset: sample?.offset }));
  }

  #reject(fault: WebDatasetError): void {
    if (this.#plan.onError === 'raise') throw fault;
    publishSkipped({ error: fault, epoch: this.#plan.epoch });
  }

  /** Hands out the epoch; its own end and every fault go through the channel. */
  async #produce(signal: AbortSignal): Promise<void> {
    const { shards, seed, epoch, shuffle } = this.#plan;
    const visits = shuffle ? shardOrder(shards.length, seed, epoch).map((index) => shards[index] ?? '') : shards;
    const reader = new ReferenceReader(this.#resources.crew, this.#windows, visits);
    try {
      let samples: SampleReference[] = [];
      for await (const ordered of this.#ordered(reader)) {
        for (const sample of ordered) {
          if (sample.fault !== undefined) {
            this.#reject(sample.fault);
            continue;
          }
          samples.push(sample);
          if (samples.length < this.#taskSize()) continue;
          await this.#handOut(samples, signal);
          samples = [];
        }
        signal.throwIfAborted();
      }
      if (samples.length > 0) await this.#handOut(samples, signal);
      this.#tasks.close();
    } catch (error) {
      this.#tasks.close(error instanceof Error ? error : new Error(String(error)));
    } finally {
      await reader[Symbol.asyncDispose]();
    }
  }

  /** The samples in the epoch's order, as many at a time as a window brought. */
  async *#ordered(reader: ReferenceReader): AsyncGenerator<SampleReference[], void, undefined> {
    const { seed, epoch, shuffle, shuffleBuffer } = this.#plan;
    const buffer = new ShuffleBuffer<SampleReference>(shuffle ? shuffleBuffer : 0, seed, epoch);
    for (let chunk = await reader.next(); chunk !== undefined; chunk = await reader.next()) {
      const leaving: SampleReference[] = [];
      for (const reference of chunk.references) {
        const sample = buffer.push(reference);
        if (sample !== undefined) leaving.push(sample);
      }
      yield leaving;
      if (chunk.failure !== undefined) this.#reject(chunk.failure);
    }
    const rest: SampleReference[] = [];
    for (let sample = buffer.pop(); sample !== undefined; sample = buffer.pop()) rest.push(sample);
    yield rest;
  }

  /**
   * How many samples the next request takes: a batch; after failures only what fills the hole they left, so that the requests after
   * it are whole batches again and need no moving.
   */
  #taskSize(): number {
    const { batchSize } = this.#plan;
    return batchSize - (this.#expected % batchSize);
  }

  async #handOut(samples: SampleReference[], signal: AbortSignal): Promise<void> {
    const slot = await this.#resources.slots.acquire(signal);
    const sources = new Float64Array(samples.length * SOURCE_WORDS);
    const shards: string[] = [];
    const leases: WindowLease[] = [];
    for (const [place, sample] of samples.entries()) {
      const { lease, windowOffset, shard, offset, size } = sample;
      if (lease?.valid === true) {
        this.#windows.begin(lease);
        leases.push(lease);
        sources.set([lease.slot, windowOffset, 0, 0, size], place * SOURCE_WORDS);
      } else {
        if (!shards.includes(shard)) shards.push(shard);
        sources.set([NO_WINDOW, 0, shards.indexOf(shard), offset, size], place * SOURCE_WORDS);
      }
    }
    const reply = this.#resources.crew.decode({ kind: 'decode', slot, sources, shards }).finally(() => {
      for (const lease of leases) this.#windows.end(lease);
    });
    // Whoever takes the task sees the rejection; until then it must not count as unhandled.
    reply.catch(() => undefined);
    this.#expected += samples.length;
    this.#tasks.push({ slot, samples, reply });
  }
}
