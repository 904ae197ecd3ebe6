import { WebDatasetError } from '../errors.ts';
import type { ShuffledOrder } from '../order/shuffled-order.ts';
import type { VisitPlan } from '../order/visits.ts';
import type { Crew } from '../workers/crew.ts';
import type { DecodeReply } from '../workers/protocol.ts';
import type { Channel } from './channel.ts';
import { sourcesOf } from './decode-sources.ts';
import type { Journal } from './journal.ts';
import { PlannedVisits } from './planned-visits.ts';
import { ReferenceReader } from './reference-reader.ts';
import type { PlacedReference, SampleReference } from './reference.ts';
import type { SeekSample } from './sample-seeker.ts';
import type { ShardUses } from './shard-use.ts';
import type { SlotPool } from './slot-pool.ts';
import type { StageMeters } from './stage-meters.ts';
import type { WalkState } from './state.ts';
import type { WindowPool } from './window-pool.ts';

/** Something that happened between two samples of a task: before the one at `place`. */
export interface TaskEvent {
  readonly place: number;
  /** What could not be used; undefined for the end of a round over all shards. */
  readonly fault: WebDatasetError | undefined;
  /** Position of the faulty sample; undefined for a fault of a shard. */
  readonly position: number | undefined;
}

/** A request on its way: the samples that will be at the places 0, 1, 2 … of the slot. */
export interface Task {
  readonly slot: number;
  readonly samples: PlacedReference[];
  /** In the order of their places. */
  readonly events: readonly TaskEvent[];
  /** Position in the order behind all of them. */
  readonly end: number;
  readonly reply: Promise<DecodeReply>;
}

/** What a producer works with. */
export interface ProducerResources {
  readonly crew: Crew;
  readonly slots: SlotPool;
  readonly windows: WindowPool;
  readonly uses: ShardUses;
  readonly journal: Journal;
  readonly meters: StageMeters;
  readonly seek: SeekSample;
  /** Takes the tasks, in the epoch's order. */
  readonly tasks: Channel<Task>;
  readonly signal: AbortSignal;
}

/** What a producer produces. */
export interface ProducerPlan {
  readonly epoch: number;
  readonly visits: VisitPlan;
  readonly batchSize: number;
  /** Number of fields. */
  readonly fields: number;
  /** Nothing behind the first fault will be delivered. */
  readonly endsAtFault: boolean;
  /** The shuffle buffer, as it stands at the beginning. */
  readonly order: ShuffledOrder<SampleReference>;
  readonly position: number;
  readonly delivered: number;
  readonly walk: WalkState;
}

/** A run of faulty samples is handed to the consumer in pieces, so that it holds no more memory than good ones. */
const MAX_EVENTS = 256;

/**
 * Walks the order and hands out batches of samples for decoding, as far ahead as there are slots.
 *
 * Faults that it meets are not its to judge: they travel with the tasks, at their place in the order, since what becomes of the epoch
 * must not depend on how far ahead the producer is.
 */
export class Producer {
  readonly #resources: ProducerResources;
  readonly #plan: ProducerPlan;
  /** Samples handed out for decoding (before a state was taken, too), less those known to have failed: what the batches are made of. */
  #expected: number;
  #underWay = 0;
  #position: number;
  #samples: PlacedReference[] = [];
  #events: TaskEvent[] = [];
  #settled: (() => void) | undefined;
  #hasEnded = false;

  constructor(resources: ProducerResources, plan: ProducerPlan) {
    this.#resources = resources;
    this.#plan = plan;
    this.#expected = plan.delivered;
    this.#position = plan.position;
  }

  /** Hands out the epoch; its own end and every failure of the machinery go through the channel. */
  async run(): Promise<void> {
    const { tasks, meters, signal } = this.#resources;
    const wake = (): void => this.#settled?.();
    signal.addEventListener('abort', wake);
    try {
      let walk: WalkState | undefined = this.#plan.walk;
      while (walk !== undefined && !this.#hasEnded) walk = await this.#round(walk);
      await this.#handOut();
      tasks.close();
    } catch (error) {
      tasks.close(error instanceof Error ? error : new Error(String(error)));
    } finally {
      signal.removeEventListener('abort', wake);
      meters.decode.waitForShards(false);
      meters.decode.waitForSlot(false);
    }
  }

  /** The consumer has taken a task in, and left `failed` of its samples out. */
  settle(failed: number): void {
    this.#underWay--;
    this.#expected -= failed;
    this.#settled?.();
  }

  /** Goes once over the shards, from `walk` on; returns where the next round starts, if there is to be one. */
  async #round(walk: WalkState): Promise<WalkState | undefined> {
    const { journal, crew, windows, uses, meters, seek, signal } = this.#resources;
    const { order, fields, visits, endsAtFault } = this.#plan;
    const planned = new PlannedVisits(visits, walk);
    await using reader = new ReferenceReader({ crew, windows, uses, fields, meter: meters.read, seek, signal }, planned);
    const before = this.#position;
    for (;;) {
      meters.decode.waitForShards(true);
      const chunk = await reader.next();
      meters.decode.waitForShards(false);
      signal.throwIfAborted();
      if (chunk === undefined) break;
      const { references, failure } = chunk;
      for (let index = 0; index < references.keys.length; index++) {
        const reference = { chunk: references, index };
        journal.append(reference);
        const leaving = order.push(reference);
        const taken = leaving === undefined || this.#take(leaving);
        if (taken !== true && !(await taken)) return undefined;
      }
      if (failure === undefined) continue;
      journal.append({
        walk: { round: walk.round, visit: references.visit + 1, sample: null, offset: null },
        isFailure: true,
        endsRound: false,
      });
      await this.#note({ place: this.#samples.length, fault: failure, position: undefined });
      if (endsAtFault) return undefined;
    }
    const end: WalkState = { round: walk.round, visit: planned.count, sample: null, offset: null };
    journal.append({ walk: end, isFailure: false, endsRound: true });
    for (let leaving = order.pop(); leaving !== undefined; leaving = order.pop()) if (!(await this.#take(leaving))) return undefined;
    if (visits.samples === undefined || !(await this.#isWanting())) return undefined;
    await this.#note({ place: this.#samples.length, fault: undefined, position: undefined });
    // Where a whole round has no samples, another one would have none either; the consumer learns it from the event.
    const isWhole = walk.visit === 0 && walk.sample === null;
    return isWhole && this.#position === before ? undefined : { round: walk.round + 1, visit: 0, sample: null, offset: null };
  }

  /** Takes the next sample of the order; false when nothing more is to come. As a rule at once: a promise per sample would be felt. */
  #take(reference: SampleReference): boolean | Promise<boolean> {
    const { chunk, index } = reference;
    const isReady = chunk.lease !== undefined || chunk.use.location !== undefined;
    if (!isReady || chunk.faults.has(index) || this.#isFull) return this.#takeSlowly(reference);
    this.#samples.push({ reference, position: this.#position++ });
    return this.#samples.length < this.#taskSize() ? true : this.#handOut().then(() => true);
  }

  async #takeSlowly(reference: SampleReference): Promise<boolean> {
    if (!(await this.#isWanting())) return false;
    const position = this.#position++;
    const fault = reference.chunk.faults.get(reference.index) ?? (await this.#open(reference));
    if (fault !== undefined) {
      await this.#note({ place: this.#samples.length, fault, position });
      return !this.#plan.endsAtFault;
    }
    this.#samples.push({ reference, position });
    if (this.#samples.length >= this.#taskSize()) await this.#handOut();
    return true;
  }

  /** Makes sure that threads can read the shard of a sample out of a state; the fault, if they can't. */
  async #open({ chunk: { use, lease, keys }, index }: SampleReference): Promise<WebDatasetError | undefined> {
    if (lease !== undefined || use.location !== undefined) return undefined;
    try {
      await use.open(this.#resources.crew, this.#resources.signal);
      return undefined;
    } catch (error) {
      if (!(error instanceof WebDatasetError) || this.#resources.signal.aborted) throw error;
      use.release();
      const { code, reason, shard, offset, cause } = error;
      return new WebDatasetError(code, reason, { shard, offset, cause, key: keys[index] });
    }
  }

  async #note(event: TaskEvent): Promise<void> {
    this.#events.push(event);
    if (event.fault !== undefined && this.#plan.endsAtFault) this.#hasEnded = true;
    if (this.#hasEnded || this.#events.length >= MAX_EVENTS) await this.#handOut();
  }

  /** The agreed number is handed out, unless samples fail. */
  get #isFull(): boolean {
    return this.#expected + this.#samples.length >= (this.#plan.visits.samples ?? Infinity);
  }

  /** Whether samples are still missing of the agreed number; where that depends on samples being decoded, waits for them. */
  async #isWanting(): Promise<boolean> {
    while (this.#isFull) {
      await this.#handOut();
      // The abort may have come just now, and wakes only those who wait already.
      this.#resources.signal.throwIfAborted();
      if (this.#underWay === 0) return false;
      await new Promise<void>((resolve) => (this.#settled = resolve));
    }
    return true;
  }

  /**
   * How many samples the next request takes: a batch; after failures only what fills the hole they left, so that the requests after
   * it are whole batches again and need no moving.
   */
  #taskSize(): number {
    const { batchSize, visits } = this.#plan;
    const size = batchSize - (this.#expected % batchSize);
    return visits.samples === undefined ? size : Math.min(size, visits.samples - this.#expected);
  }

  async #handOut(): Promise<void> {
    if (this.#samples.length === 0 && this.#events.length === 0) return;
    const { slots, tasks, crew, meters, signal } = this.#resources;
    meters.decode.waitForSlot(true);
    const slot = await slots.acquire(signal);
    meters.decode.waitForSlot(false);
    const samples = this.#samples;
    const events = this.#events;
    const end = this.#position;
    this.#samples = [];
    this.#events = [];
    this.#expected += samples.length;
    this.#underWay++;
    const reply = samples.length === 0 ? Promise.resolve(NOTHING) : this.#decode(crew, slot, samples);
    // Whoever takes the task sees the rejection; until then it must not count as unhandled.
    reply.catch(() => undefined);
    tasks.push({ slot, samples, events, end, reply });
  }

  async #decode(crew: Crew, slot: number, samples: readonly PlacedReference[]): Promise<DecodeReply> {
    const { windows, meters } = this.#resources;
    const { epoch, fields } = this.#plan;
    const leases = samples.map(({ reference: { chunk } }) => (chunk.lease?.valid === true ? chunk.lease : undefined));
    for (const lease of leases) if (lease !== undefined) windows.begin(lease);
    meters.decode.begin();
    try {
      const reply = await crew.decode({ kind: 'decode', slot, epoch, ...sourcesOf(samples, fields) });
      meters.decode.add(samples.length - reply.failures.length, reply.bytes, reply.busyMs);
      return reply;
    } finally {
      meters.decode.end();
      meters.deliver.finished(1);
      for (const lease of leases) if (lease !== undefined) windows.end(lease);
      for (const { reference } of samples) reference.chunk.use.release();
    }
  }
}

const NOTHING: DecodeReply = { kind: 'decode', failures: [], values: [], bytes: 0, busyMs: 0 };
