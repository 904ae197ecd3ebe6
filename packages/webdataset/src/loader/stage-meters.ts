import type { LoaderStats, StageStats } from './stats.ts';
import { type Clock, Stopwatch } from './stopwatch.ts';

/** Measures one stage. */
class StageMeter {
  items = 0;
  bytes = 0;
  busyMs = 0;
  queued = 0;
  readonly starved: Stopwatch;
  readonly blocked: Stopwatch;
  readonly #capacity: number;

  constructor(now: Clock, capacity: number) {
    this.starved = new Stopwatch(now);
    this.blocked = new Stopwatch(now);
    this.#capacity = capacity;
  }

  stats(): StageStats {
    const { items, bytes, busyMs, queued } = this;
    return { items, bytes, busyMs, starvedMs: this.starved.ms, blockedMs: this.blocked.ms, queued, capacity: this.#capacity };
  }
}

/** Measures the reading of shards. */
export class ReadMeter extends StageMeter {
  readonly bytesByGroup: number[];
  readonly #groupOf: (shard: number) => number;

  /** @param groups shards per group */
  constructor(now: Clock, capacity: number, groups: readonly number[]) {
    super(now, capacity);
    this.bytesByGroup = groups.map(() => 0);
    const ends = groups.map((_, group) => groups.slice(0, group + 1).reduce((sum, count) => sum + count, 0));
    this.#groupOf = (shard) => ends.findIndex((end) => shard < end);
  }

  /** A window was read. */
  add(items: number, bytes: number, busyMs: number, shard: number): void {
    this.items += items;
    this.bytes += bytes;
    this.busyMs += busyMs;
    const group = this.#groupOf(shard);
    this.bytesByGroup[group] = (this.bytesByGroup[group] ?? 0) + bytes;
  }

  /** Says whether nothing is being read though something is left to read. */
  idle(isIdle: boolean): void {
    this.blocked.set(isIdle);
  }
}

/** Measures decoding. */
export class DecodeMeter extends StageMeter {
  #underWay = 0;
  #isProducing = true;
  #isSlotAwaited = false;

  /** A request goes to the threads. */
  begin(): void {
    this.#underWay++;
    this.#update();
  }

  /** A request has come back, whether it went well or not. */
  end(): void {
    this.#underWay--;
    this.#update();
  }

  /** Samples were decoded. */
  add(items: number, bytes: number, busyMs: number): void {
    this.items += items;
    this.bytes += bytes;
    this.busyMs += busyMs;
  }

  /** Says whether the producer waits for shards. */
  waitForShards(isWaiting: boolean): void {
    this.#isProducing = !isWaiting;
    this.#update();
  }

  /** Says whether the producer waits for a slot. */
  waitForSlot(isWaiting: boolean): void {
    this.#isSlotAwaited = isWaiting;
    this.#update();
  }

  /** As long as something is being decoded, neither files nor slots are what decoding lacks. */
  #update(): void {
    const isIdle = this.#underWay === 0;
    this.starved.set(isIdle && !this.#isProducing);
    this.blocked.set(isIdle && this.#isSlotAwaited);
  }
}

/** Measures delivery. */
export class DeliveryMeter extends StageMeter {
  #isConsumerWaiting = false;
  #finished = 0;

  /** Says whether the consumer waits for a batch. */
  wait(isWaiting: boolean): void {
    this.#isConsumerWaiting = isWaiting;
    this.starved.set(isWaiting);
    this.#update();
  }

  /** More (or, with a negative number, less) decoded requests wait for the consumer. */
  finished(change: number): void {
    this.#finished += change;
    this.#update();
  }

  /** How many there are. */
  get waiting(): number {
    return this.#finished;
  }

  #update(): void {
    this.blocked.set(!this.#isConsumerWaiting && this.#finished > 0);
  }
}

/** What there is room for. */
export interface MeterCapacities {
  readonly windows: number;
  readonly slots: number;
}

/** All meters of a loader. */
export class StageMeters {
  readonly read: ReadMeter;
  readonly decode: DecodeMeter;
  readonly deliver: DeliveryMeter;
  windowsReclaimed = 0;
  skipped = 0;

  constructor(now: Clock, { windows, slots }: MeterCapacities, groups: readonly number[]) {
    this.read = new ReadMeter(now, windows, groups);
    this.decode = new DecodeMeter(now, slots);
    this.deliver = new DeliveryMeter(now, slots);
  }

  stats(): LoaderStats {
    const { read, decode, deliver, windowsReclaimed, skipped } = this;
    decode.queued = deliver.waiting;
    return {
      read: read.stats(),
      decode: decode.stats(),
      deliver: deliver.stats(),
      windowsReclaimed,
      skipped,
      bytesByGroup: [...read.bytesByGroup],
    };
  }
}
