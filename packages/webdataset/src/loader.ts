/**
 * {@link Loader}: the wanted fields of samples out of shards, decoded, as batches in an order that only the seed decides.
 *
 * How an epoch runs:
 *
 * 1. **Plan.** Which shards this rank visits, in which order (order/visits.ts).
 * 2. **Scan.** Readers (worker threads of their own, so that a slow mount stops neither decoding nor the caller) read shards front to
 *    back in windows of 4 MiB, several shards at the same time. Only headers are looked at; what goes on is a reference for each
 *    sample: where its fields lie.
 * 3. **Order.** References enter a shuffle buffer strictly in canonical order, in the caller's thread. So the order does not depend
 *    on which thread was faster, nor on how many there are, and a buffer of thousands of samples costs no pixels. A journal keeps
 *    what a state needs (loader/journal.ts).
 * 4. **Decode.** Batches of references go to the decoding threads, which write tensors straight into a slot of shared memory.
 * 5. **Deliver.** Slots reach the consumer in the order in which they were handed out. No free slot, no further decoding: the
 *    consumer's `release()` is the backpressure.
 *
 * A shard's bytes are read once: windows stay in shared memory until their samples are decoded. Because a shuffle buffer lets go of
 * the last samples of a window late, the number of windows is bounded, and the one with the fewest samples left is given up for a
 * new read; those few samples are then read from the shard one by one. So memory is bounded whatever the size of shards, samples
 * and buffer, and the reads that a slow mount sees stay large and sequential.
 */
import { performance } from 'node:perf_hooks';
import type { DecoderTable, Fields } from './decode/decoder.ts';
import { FieldDecoders } from './decode/field-decoders.ts';
import { WebDatasetError } from './errors.ts';
import type { Batch, BatchHandle } from './loader/batch.ts';
import { fingerprintOf } from './loader/dataset-identity.ts';
import { type DeliveredBatch, Epoch, type EpochStart } from './loader/epoch.ts';
import type { LoaderOptions } from './loader/loader-options.ts';
import { type LoaderSettings, loaderSettings } from './loader/loader-settings.ts';
import { capacityOf, checkState, restoreState, toState } from './loader/loader-state.ts';
import { type SeekSample, seekByIndex } from './loader/sample-seeker.ts';
import { ShardUses } from './loader/shard-use.ts';
import { SlotPool } from './loader/slot-pool.ts';
import { StageMeters } from './loader/stage-meters.ts';
import type { LoaderState } from './loader/state.ts';
import type { LoaderStats } from './loader/stats.ts';
import { ShuffledOrder } from './order/shuffled-order.ts';
import { planVisits, type VisitPlan } from './order/visits.ts';
import { indexShards } from './shard-index/index-shards.ts';
import type { IndexOptions } from './shard-index/index-store.ts';
import { shardName } from './source/shard-input.ts';
import { loadSplitName } from './split-name-module.ts';
import { type Crew, InlineCrew } from './workers/crew.ts';
import type { WorkerSetup } from './workers/protocol.ts';
import { ThreadCrew } from './workers/thread-crew.ts';

/** Bytes of file data read at once: the block size of network file systems and of the caches in front of them. */
const WINDOW_BYTES = 4 * 1024 * 1024;

/** 128 MiB of file data at most: some 10,000 photographs of 224 pixels, ten times the default shuffle buffer. */
const WINDOW_COUNT = 32;

/** Shards that are read at the same time: two hide the opening of the next shard, and keep two mounted regions busy. */
const MIN_READERS = 2;

/** More than this many sequential reads at once gain nothing on one disk or one network interface, and cost a thread each. */
const MAX_READERS = 4;

/** Loads batches of samples from shards. Close it with `await using` or `[Symbol.asyncDispose]()`. */
export class Loader<F extends Fields> implements AsyncDisposable {
  readonly #settings: LoaderSettings;
  readonly #counts: readonly number[] | undefined;
  readonly #setup: WorkerSetup;
  readonly #slots: SlotPool;
  readonly #meters: StageMeters;
  readonly #crew: Crew;
  readonly #closed: AbortController;
  readonly #fingerprint: Promise<string>;
  readonly #seek: SeekSample;
  #cursor = 0;
  #busy = false;

  private constructor(
    settings: LoaderSettings,
    counts: readonly number[] | undefined,
    indexOptions: IndexOptions,
    closed: AbortController,
  ) {
    const { layout, slots, workers, shards, order, decoders, splitName } = settings;
    this.#settings = settings;
    this.#counts = counts;
    this.#closed = closed;
    this.#seek = seekByIndex(shards, indexOptions);
    this.#setup = {
      windows: new SharedArrayBuffer(WINDOW_COUNT * WINDOW_BYTES),
      windowBytes: WINDOW_BYTES,
      slots: new SharedArrayBuffer(slots * layout.slotBytes),
      slotBytes: layout.slotBytes,
      stop: new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT),
      decoders,
      fields: layout.fields,
      regions: layout.regions,
      valueFields: layout.valueFields,
      seed: order.seed,
      splitName,
    };
    this.#slots = new SlotPool(slots);
    const readers = Math.min(MAX_READERS, Math.max(MIN_READERS, workers), shards.length);
    this.#crew =
      workers === 0 ? new InlineCrew(this.#setup) : new ThreadCrew(this.#setup, { readers, decoders: workers }, WINDOW_COUNT / 2);
    this.#meters = new StageMeters(() => performance.now(), { windows: this.#crew.windowsAhead, slots }, order.groups);
    this.#fingerprint = fingerprintOf(shards, closed.signal);
    this.#fingerprint.catch(() => undefined); // Whoever needs it sees why there is none.
    closed.signal.addEventListener('abort', () => this.#crew.abort(reasonOfClosing(closed.signal)), { once: true });
  }

  /**
   * Opens a loader. With several ranks, this indexes the shards that have no index, unless `samplesPerEpoch` is given.
   *
   * @throws {@link ShardsNotFoundError} when there are no shards
   * @throws {@link WebDatasetError} `WDS_INDEX_REQUIRED`, `WDS_UNEQUAL`; what reading a shard throws that is indexed
   * @throws RangeError or TypeError when an option is out of range
   */
  static async open<const F extends Fields>(options: LoaderOptions<F>): Promise<Loader<F>> {
    const { signal } = options;
    signal?.throwIfAborted();
    const closed = new AbortController();
    const abort = (): void => closed.abort(signal === undefined ? undefined : reasonOfClosing(signal));
    signal?.addEventListener('abort', abort, { once: true });
    closed.signal.addEventListener('abort', () => signal?.removeEventListener('abort', abort), { once: true });
    try {
      const settings = await loaderSettings(options);
      await checkModules(settings);
      const indexOptions = await indexOptionsOf(settings, closed.signal);
      const counts = await countsFor(settings, indexOptions);
      planFor(settings, counts, 0); // What cannot be planned fails here.
      closed.signal.throwIfAborted();
      return new Loader(settings, counts, indexOptions, closed);
    } catch (error) {
      signal?.removeEventListener('abort', abort);
      throw error;
    }
  }

  /** Samples that this rank delivers in each epoch; undefined where that is known only at its end. */
  get samplesPerEpoch(): number | undefined {
    return this.#plan(0).samples;
  }

  /**
   * The batches of epoch `number`, 0 or more, from its beginning. The order of samples is a pure function of the seed, the number, the
   * list of shards, and the world. One epoch runs at a time; leaving the loop ends it.
   *
   * @throws {@link WebDatasetError} any fault of a shard or sample, as `onError` says; `WDS_CLOSED` when the loader is closed, or another
   *   epoch is running; `WDS_NO_GOOD_SAMPLES` when the agreed number of samples cannot be delivered
   */
  async *epoch(number: number): AsyncGenerator<Batch<F>, void, undefined> {
    if (!Number.isInteger(number) || number < 0 || number > 0xffff_ffff) throw new RangeError(`epoch must be 0 to 2^32 - 1, got ${number}`);
    yield* this.#run(number, (uses) => {
      const { order } = this.#settings;
      return {
        ...{ position: 0, delivered: 0, failures: 0, uses, isResumed: false },
        walk: { round: 0, visit: 0, sample: null, offset: null },
        order: new ShuffledOrder(capacityOf(order), { seed: order.seed, epoch: number, rank: order.rank }),
      };
    });
  }

  /**
   * The rest of the epoch of a state: the batches that came after the one whose state it is, sample for sample. Number of workers,
   * batch size, place of the data set and decoders may be others; whatever decides the order must be the same.
   *
   * @throws {@link WebDatasetError} `WDS_STATE_MISMATCH` when the state is of other settings or another data set; as {@link epoch}
   */
  async *resume(state: LoaderState): AsyncGenerator<Batch<F>, void, undefined> {
    this.#closed.signal.throwIfAborted();
    checkState(state, { fingerprint: await this.#fingerprint, order: this.#settings.order });
    yield* this.#run(state.epoch, (uses) => restoreState(state, uses, this.#settings.layout.fields.length));
  }

  /** Paths, URLs and names of the shards in the order in which this rank reads them, if no sample fails. */
  planShards(epoch: number): readonly string[] {
    return Array.from(this.#plan(epoch).visits(), ({ shard }) => {
      const input = this.#settings.shards[shard];
      return typeof input === 'string' ? input : shardName(input ?? '');
    });
  }

  /** What the loader has done since it was opened. */
  stats(): LoaderStats {
    return this.#meters.stats();
  }

  /** Ends a running epoch (`WDS_CLOSED`) and all threads, and waits for them. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed.abort(new WebDatasetError('WDS_CLOSED', 'the loader is closed'));
    await this.#crew[Symbol.asyncDispose]();
    await this.#fingerprint.catch(() => undefined);
  }

  #plan(epoch: number): VisitPlan {
    return planFor(this.#settings, this.#counts, epoch);
  }

  async *#run(number: number, start: (uses: ShardUses) => EpochStart): AsyncGenerator<Batch<F>, void, undefined> {
    this.#closed.signal.throwIfAborted();
    if (this.#busy) throw new WebDatasetError('WDS_CLOSED', 'another epoch of this loader is running; end it, or open a second loader');
    this.#busy = true;
    const { shards, layout } = this.#settings;
    const uses = new ShardUses(shards, this.#crew, number, this.#cursor);
    try {
      const { slots, regions, slotBytes } = this.#setup;
      const memory = { bytes: new Uint8Array(slots), slotBytes, regions };
      const resources = { crew: this.#crew, slots: this.#slots, memory, windowCount: WINDOW_COUNT, meters: this.#meters, seek: this.#seek };
      const plan = { ...this.#settings, epoch: number, visits: this.#plan(number), fields: layout.fields.length };
      const epoch = new Epoch(resources, plan, start(uses));
      for await (const delivered of epoch.batches(this.#closed.signal)) {
        const fingerprint = await this.#fingerprint;
        yield this.#batch(delivered, epoch, { fingerprint, order: this.#settings.order, epoch: number });
      }
    } finally {
      this.#cursor = uses.nextCursor;
      this.#busy = false;
    }
  }

  #batch({ slot, samples, values, end, delivered }: DeliveredBatch, { journal }: Epoch, identity: Parameters<typeof toState>[0]): Batch<F> {
    const { layout } = this.#settings;
    const fields = layout.batchFields(this.#setup.slots, slot * layout.slotBytes, samples.length, values);
    let held = true;
    const release = (): void => {
      if (!held) return;
      held = false;
      this.#meters.deliver.queued--;
      journal.released(end);
      this.#slots.release(slot);
    };
    const handle: BatchHandle = {
      __key__: samples.map(({ reference: { chunk, index } }) => chunk.keys[index] ?? ''),
      __url__: samples.map(({ reference: { chunk } }) => chunk.use.name),
      size: samples.length,
      release,
      state: () => {
        if (!held) throw new WebDatasetError('WDS_CLOSED', 'the batch was released; ask for its state before');
        return toState(identity, journal.at(end), delivered, layout.fields.length);
      },
      [Symbol.dispose]: release,
    };
    // The decoders of F made the fields, by the layout that was built from them: no type can follow that.
    return Object.assign(handle, fields) as Batch<F>;
  }
}

/** How the loader ends when a signal ends it. */
function reasonOfClosing({ reason }: AbortSignal): Error {
  return reason instanceof Error ? reason : new WebDatasetError('WDS_CLOSED', 'the loader was aborted', { cause: reason });
}

function planFor({ order, samplesPerEpoch }: LoaderSettings, counts: readonly number[] | undefined, epoch: number): VisitPlan {
  return planVisits({ ...order, samplesPerEpoch, epoch, counts });
}

/** The samples in each shard, where the plan needs them. */
async function countsFor(settings: LoaderSettings, indexOptions: IndexOptions): Promise<readonly number[] | undefined> {
  const { shards, order, samplesPerEpoch, index } = settings;
  if (samplesPerEpoch !== undefined || (order.worldSize === 1 && !order.resample)) return undefined;
  return indexShards(shards, { ...indexOptions, index });
}

/** Where indexes are looked for, and by which rule they were made. */
async function indexOptionsOf({ indexDir, splitName }: LoaderSettings, signal: AbortSignal): Promise<IndexOptions> {
  return { indexDir, signal, rule: splitName === undefined ? undefined : { url: splitName, splitName: await loadSplitName(splitName) } };
}

/** Loads the decoders of the caller's own modules once in this thread, where a wrong address is an error of `open`. */
async function checkModules({ decoders }: LoaderSettings): Promise<void> {
  const own: DecoderTable = Object.fromEntries(Object.entries(decoders).filter(([, { kind }]) => kind === 'module'));
  if (Object.keys(own).length > 0) await FieldDecoders.create(own);
}
