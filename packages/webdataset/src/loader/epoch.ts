import { WebDatasetError } from '../errors.ts';
import { type FailureOptions, FailurePolicy } from '../failure-policy.ts';
import type { ShuffledOrder } from '../order/shuffled-order.ts';
import type { VisitPlan } from '../order/visits.ts';
import type { Crew } from '../workers/crew.ts';
import { type DecodeReply, MEMBER_WORDS } from '../workers/protocol.ts';
import { BatchAssembler, type DecodedSlot, type SlotMemory } from './batch-assembler.ts';
import { Channel } from './channel.ts';
import { Journal } from './journal.ts';
import { Producer, type Task } from './producer.ts';
import { chunkWidth, type SampleReference } from './reference.ts';
import type { SeekSample } from './sample-seeker.ts';
import type { ShardUses } from './shard-use.ts';
import type { SlotPool } from './slot-pool.ts';
import type { StageMeters } from './stage-meters.ts';
import type { WalkState } from './state.ts';
import { WindowPool } from './window-pool.ts';

/** What an epoch works with; the loader's own, shared by all its epochs. */
export interface EpochResources {
  readonly crew: Crew;
  readonly slots: SlotPool;
  readonly memory: SlotMemory;
  readonly windowCount: number;
  readonly meters: StageMeters;
  readonly seek: SeekSample;
}

/** What an epoch delivers. */
export interface EpochPlan extends FailureOptions {
  readonly epoch: number;
  readonly visits: VisitPlan;
  readonly batchSize: number;
  readonly lastBatch: 'drop' | 'keep';
  /** Number of fields. */
  readonly fields: number;
}

/** Where an epoch begins: at its beginning, or where a state stands. */
export interface EpochStart {
  readonly position: number;
  readonly delivered: number;
  readonly failures: number;
  readonly walk: WalkState;
  readonly order: ShuffledOrder<SampleReference>;
  /** The shards in use, those of the order's references among them. */
  readonly uses: ShardUses;
  readonly isResumed: boolean;
}

/** A batch; its slot is the consumer's until it is released. */
export interface DeliveredBatch extends DecodedSlot {
  /** Position in the order behind its last sample, and behind those left out after it at the end of an epoch. */
  readonly end: number;
  /** Samples delivered up to its last one. */
  readonly delivered: number;
}

/** How the epoch ends within a task. */
interface Ending {
  /** The first place that is not delivered any more. */
  readonly place: number;
  /** Undefined when it ends well. */
  readonly error: Error | undefined;
}

/**
 * One pass over the data. The producer hands out batches of samples for decoding, as far ahead as there are slots; here, they are taken
 * in in the order in which they were handed out, faults are settled, and batches are delivered.
 */
export class Epoch {
  readonly journal: Journal;
  readonly #resources: EpochResources;
  readonly #plan: EpochPlan;
  readonly #start: EpochStart;
  readonly #policy: FailurePolicy;
  /** Good samples so far, those not delivered yet included. */
  #good: number;
  #delivered: number;
  /** Whether this round over the shards has had a good sample. */
  #isRoundGood: boolean;

  constructor(resources: EpochResources, plan: EpochPlan, start: EpochStart) {
    this.#resources = resources;
    this.#plan = plan;
    this.#start = start;
    this.#good = start.delivered;
    this.#delivered = start.delivered;
    // A state stands right behind a good sample.
    this.#isRoundGood = start.isResumed;
    this.#policy = new FailurePolicy(plan, plan.epoch, start.failures);
    this.journal = new Journal({ ...start, order: start.order.clone() }, plan.fields);
  }

  /**
   * The batches; each one's slot is the caller's to release. Leaving the loop early waits for what is under way and gives all
   * other slots back.
   */
  async *batches(signal: AbortSignal): AsyncGenerator<DeliveredBatch, void, undefined> {
    const { slots, memory, crew, meters, seek, windowCount } = this.#resources;
    const { batchSize, visits, epoch, fields, lastBatch } = this.#plan;
    await using uses = this.#start.uses;
    const assembler = new BatchAssembler(batchSize, memory, (slot) => slots.release(slot));
    const stop = new AbortController();
    const abort = (): void => stop.abort(signal.reason);
    signal.addEventListener('abort', abort);
    if (signal.aborted) abort();
    const tasks = new Channel<Task>();
    const windows = new WindowPool(windowCount, () => meters.windowsReclaimed++);
    const producer = new Producer(
      { crew, slots, windows, uses, journal: this.journal, meters, seek, tasks, signal: stop.signal },
      { ...this.#start, epoch, visits, batchSize, fields, endsAtFault: this.#policy.endsAtFirst },
    );
    const production = producer.run();
    let current: Task | undefined;
    try {
      meters.deliver.wait(true);
      for await (const task of tasks) {
        current = task;
        const reply = await task.reply;
        signal.throwIfAborted(); // What is decoded already is not delivered any more.
        if (task.samples.length > 0) meters.deliver.finished(-1);
        const { isFailed, failed, ending } = this.#settle(task, reply);
        const batch = assembler.push({ slot: task.slot, samples: task.samples, values: reply.values }, isFailed);
        current = undefined;
        producer.settle(failed);
        if (batch !== undefined) {
          yield this.#deliver(batch);
          meters.deliver.wait(true);
        } else if (ending === undefined) {
          this.journal.settled(task.end);
        }
        if (ending?.error !== undefined) throw ending.error;
        if (ending !== undefined) break;
      }
      signal.throwIfAborted();
      const rest = assembler.finish();
      if (rest !== undefined && lastBatch === 'keep') yield this.#deliver(rest);
      else if (rest !== undefined) slots.release(rest.slot);
    } finally {
      meters.deliver.wait(false);
      signal.removeEventListener('abort', abort);
      stop.abort(new WebDatasetError('WDS_CLOSED', 'the epoch was left'));
      await production;
      const unused = tasks.drain();
      if (current !== undefined) unused.push(current);
      await Promise.allSettled(unused.map(({ reply }) => reply));
      for (const { slot, samples } of unused) {
        if (samples.length > 0) meters.deliver.finished(-1);
        slots.release(slot);
      }
      const partial = assembler.finish();
      if (partial !== undefined) slots.release(partial.slot);
    }
  }

  #deliver(decoded: DecodedSlot): DeliveredBatch {
    const { deliver } = this.#resources.meters;
    const size = decoded.samples.length;
    const end = this.journal.delivered((decoded.samples.at(-1)?.position ?? 0) + 1);
    this.#delivered += size;
    deliver.items += size;
    for (const { bytesPerSample } of this.#resources.memory.regions) deliver.bytes += size * bytesPerSample;
    deliver.queued++;
    deliver.wait(false);
    return { ...decoded, end, delivered: this.#delivered };
  }

  /** Goes through what happened in a task, in the order of the epoch. */
  #settle(
    task: Task,
    reply: DecodeReply,
  ): { isFailed: ((place: number) => boolean) | undefined; failed: number; ending: Ending | undefined } {
    const { samples, events } = task;
    const agreed = this.#plan.visits.samples ?? Infinity;
    if (events.length === 0 && reply.failures.length === 0 && this.#good + samples.length < agreed) {
      this.#good += samples.length;
      this.#isRoundGood ||= samples.length > 0;
      return { isFailed: undefined, failed: 0, ending: undefined };
    }
    const failures = new Map(reply.failures.map((failure) => [failure.index, failure]));
    const left = new Set<number>();
    let event = 0;
    let ending: Ending | undefined;
    for (let place = 0; ending === undefined; place++) {
      if (this.#good >= agreed) {
        ending = { place, error: undefined };
        break;
      }
      for (let next = events[event]; ending === undefined && next?.place === place; next = events[++event]) {
        ending = next.fault === undefined ? this.#endRound(place) : this.#fail(next.fault, next.position, place);
      }
      const sample = samples[place];
      if (sample === undefined || ending !== undefined) break;
      const failure = failures.get(place);
      if (failure === undefined) {
        this.#good++;
        this.#isRoundGood = true;
        continue;
      }
      left.add(place);
      const { code, reason, field } = failure;
      ending = this.#fail(new WebDatasetError(code, reason, placeOf(sample.reference, field, this.#plan.fields)), sample.position, place);
    }
    const end = ending?.place ?? samples.length;
    return { isFailed: (place) => place >= end || left.has(place), failed: left.size, ending };
  }

  #fail(fault: WebDatasetError, position: number | undefined, place: number): Ending | undefined {
    try {
      if (this.#policy.decide(fault) === 'end') return { place, error: undefined };
    } catch (error) {
      return { place, error: error instanceof Error ? error : fault };
    } finally {
      if (position !== undefined) this.journal.failed(position);
    }
    this.#resources.meters.skipped++;
    return undefined;
  }

  #endRound(place: number): Ending | undefined {
    const isGood = this.#isRoundGood;
    this.#isRoundGood = false;
    if (isGood) return undefined;
    const { samples = 0 } = this.#plan.visits;
    const missing = `${samples - this.#good} of the ${samples} samples that this rank is to deliver are missing`;
    const error = new WebDatasetError('WDS_NO_GOOD_SAMPLES', `${missing}, and no sample of its shards is good; look at what was skipped`);
    return { place, error };
  }
}

function placeOf(
  { chunk, index }: SampleReference,
  field: number,
  fields: number,
): { shard: string; key: string | undefined; offset: number | undefined } {
  return { shard: chunk.use.name, key: chunk.keys[index], offset: chunk.members[index * chunkWidth(fields) + field * MEMBER_WORDS] };
}
