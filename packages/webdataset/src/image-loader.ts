/**
 * {@link ImageLoader}: images and their labels out of shards, as batches of pixels in an order that only the seed decides.
 *
 * How an epoch runs:
 *
 * 1. **Scan.** Readers (worker threads of their own, so that a slow mount stops neither decoding nor the caller) read whole shards
 *    front to back in windows of 4 MiB, several shards at the same time. Only headers and labels are looked at; what goes on is a
 *    reference for each sample: where its image lies, and its label.
 * 2. **Order.** References enter a shuffle buffer strictly in canonical order (order.ts), in the caller's thread. So the order does
 *    not depend on which thread was faster, nor on how many there are, and a buffer of thousands of samples costs no pixels.
 * 3. **Decode.** Batches of references go to the decoding threads, which write pixels straight into a slot of shared memory.
 * 4. **Deliver.** Slots reach the consumer in the order in which they were handed out. No free slot, no further decoding: the
 *    consumer's `release()` is the backpressure.
 *
 * A shard's bytes are read once: windows stay in shared memory until their samples are decoded. Because a shuffle buffer lets go of
 * the last samples of a window late, the number of windows is bounded, and the one with the fewest samples left is given up for a
 * new read; those few samples are then read from the file one by one. So memory is bounded whatever the size of shards, samples
 * and buffer, and the reads that a slow mount sees stay large and sequential.
 */
import type { ImageShape } from './decode/image.ts';
import { ShardsNotFoundError, WebDatasetError } from './errors.ts';
import { Epoch } from './loader/epoch.ts';
import type { SampleReference } from './loader/reference-reader.ts';
import { SlotPool } from './loader/slot-pool.ts';
import { type Crew, InlineCrew } from './workers/crew.ts';
import { ThreadCrew } from './workers/thread-crew.ts';
import type { SharedMemory } from './workers/protocol.ts';

/** How to load. */
export interface ImageLoaderOptions {
  /** Paths of the shards. Their order matters: the epoch's order is a function of positions in this list. */
  readonly shards: readonly string[];
  /** Images a batch, at least 1. */
  readonly batchSize: number;
  /** A safe integer, 0 or more. */
  readonly seed: number;
  /** Threads that decode, besides those that read; 0 does all work in the caller's thread. Default 1. */
  readonly workers?: number;
  /** The shape of every image; others are scaled to cover it and cut to it, grey and colour converted. */
  readonly image: ImageShape;
  /** Shuffle shards and samples, anew for each epoch. False keeps the order of the list and of the archives. Default true. */
  readonly shuffle?: boolean;
  /** Samples in the shuffle buffer; 0 shuffles only the shards. Default 1000. */
  readonly shuffleBuffer?: number;
  /** What happens to the samples that fill no whole batch at the end of an epoch. Default `'keep'`. */
  readonly lastBatch?: 'drop' | 'keep';
  /**
   * `'raise'` ends the epoch with the error, after all batches before it. `'skip'` leaves the sample (or, when the archive itself is
   * damaged, the rest of the shard) out, fills its place with the next one, and tells the channel `SKIPPED_CHANNEL`. Default `'raise'`.
   */
  readonly onError?: 'raise' | 'skip';
  /** Batches that may exist at the same time, in use by the consumer included: at least 3. Default 2 a worker and 1 more. */
  readonly slots?: number;
  /** Ends everything: the running epoch rejects with the signal's reason, and the loader is closed. */
  readonly signal?: AbortSignal;
}

/** Some images with their labels. */
export interface ImageBatch extends Disposable {
  /** Number of images. */
  readonly size: number;
  /** Pixels, `size` x height x width x channels (NHWC), in shared memory; valid until {@link release}. */
  readonly pixels: Uint8Array;
  /** One label an image. */
  readonly labels: Int32Array;
  /** One key an image. */
  readonly keys: readonly string[];
  /** The path of each image's shard. */
  readonly shards: readonly string[];
  /** Gives the memory back for a later batch. Until it is called, the batch takes one of the loader's slots. */
  release(): void;
}

/** Bytes of file data read at once: the block size of network file systems and of the caches in front of them. */
const WINDOW_BYTES = 4 * 1024 * 1024;

/** 128 MiB of file data at most: some 10,000 photographs of 224 pixels, ten times the default shuffle buffer. */
const WINDOW_COUNT = 32;

/** Shards that are read at the same time: two hide the opening of the next shard, and keep two mounted regions busy. */
const MIN_READERS = 2;

/** More than this many sequential reads at once gain nothing on one disk or one network interface, and cost a thread each. */
const MAX_READERS = 4;

/** The consumer has one, an incomplete one may be kept after a skipped sample, and one must be left to decode into. */
const MIN_SLOTS = 3;

/** Loads images and integer labels from shards. Close it with `await using` or `[Symbol.asyncDispose]()`. */
export class ImageLoader implements AsyncDisposable {
  readonly #options: Required<Omit<ImageLoaderOptions, 'signal' | 'workers' | 'slots'>>;
  readonly #memory: SharedMemory;
  readonly #pixels: Uint8Array;
  readonly #slots: SlotPool;
  readonly #crew: Crew;
  readonly #closed = new AbortController();
  readonly #signal: AbortSignal | undefined;
  #busy = false;

  private constructor(options: ImageLoaderOptions) {
    const { workers = 1, slots = Math.max(MIN_SLOTS, 2 * workers + 1), signal, ...rest } = options;
    this.#options = { shuffle: true, shuffleBuffer: 1000, lastBatch: 'keep', onError: 'raise', ...rest };
    validate(this.#options, workers, slots);
    const { batchSize, image } = this.#options;
    this.#memory = {
      windows: new SharedArrayBuffer(WINDOW_COUNT * WINDOW_BYTES),
      windowBytes: WINDOW_BYTES,
      slots: new SharedArrayBuffer(slots * batchSize * imageBytesOf(image)),
      batchSize,
      shape: image,
      stop: new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT),
    };
    this.#pixels = new Uint8Array(this.#memory.slots);
    this.#slots = new SlotPool(slots);
    const readers = Math.min(MAX_READERS, Math.max(MIN_READERS, workers), this.#options.shards.length);
    this.#crew =
      workers === 0 ? new InlineCrew(this.#memory) : new ThreadCrew(this.#memory, { readers, decoders: workers }, WINDOW_COUNT / 2);
    this.#signal = signal;
    signal?.addEventListener('abort', this.#abort, { once: true });
  }

  /**
   * Opens a loader.
   *
   * @throws {@link ShardsNotFoundError} when the list of shards is empty
   * @throws RangeError when an option is out of range
   */
  static open(options: ImageLoaderOptions): Promise<ImageLoader> {
    return new Promise((resolve) => {
      options.signal?.throwIfAborted();
      resolve(new ImageLoader(options));
    });
  }

  /**
   * The batches of epoch `number`, 0 or more. The order of samples is a pure function of seed, number and list of shards. One epoch
   * runs at a time; leaving the loop ends it.
   *
   * @throws {@link WebDatasetError} any fault of a shard or sample, unless `onError` is `'skip'`; `WDS_CLOSED` when the loader is
   *   closed, or another epoch is running
   */
  async *epoch(number: number): AsyncGenerator<ImageBatch, void, undefined> {
    if (!Number.isInteger(number) || number < 0 || number > 0xffff_ffff) throw new RangeError(`epoch must be 0 to 2^32 - 1, got ${number}`);
    this.#closed.signal.throwIfAborted();
    if (this.#busy) throw new WebDatasetError('WDS_CLOSED', 'another epoch of this loader is running; end it, or open a second loader');
    this.#busy = true;
    try {
      const resources = {
        crew: this.#crew,
        slots: this.#slots,
        pixels: this.#pixels,
        windowCount: WINDOW_COUNT,
        shape: this.#options.image,
      };
      const epoch = new Epoch(resources, { ...this.#options, epoch: number });
      for await (const { slot, samples } of epoch.batches(this.#closed.signal)) {
        yield this.#batch(slot, samples);
      }
    } finally {
      this.#busy = false;
    }
  }

  /** Ends a running epoch (`WDS_CLOSED`) and all threads, and waits for them. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#close(new WebDatasetError('WDS_CLOSED', 'the loader is closed'));
    await this.#crew[Symbol.asyncDispose]();
  }

  readonly #abort = (): void => {
    const reason: unknown = this.#signal?.reason;
    this.#close(reason instanceof Error ? reason : new WebDatasetError('WDS_CLOSED', 'the loader was aborted', { cause: reason }));
  };

  #close(reason: Error): void {
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#crew.abort(reason);
    this.#closed.abort(reason);
  }

  #batch(slot: number, samples: readonly SampleReference[]): ImageBatch {
    const imageBytes = imageBytesOf(this.#options.image);
    const start = slot * this.#options.batchSize * imageBytes;
    let held = true;
    const release = (): void => {
      if (!held) return;
      held = false;
      this.#slots.release(slot);
    };
    return {
      size: samples.length,
      pixels: this.#pixels.subarray(start, start + samples.length * imageBytes),
      labels: Int32Array.from(samples, ({ label }) => label),
      keys: samples.map(({ key }) => key),
      shards: samples.map(({ shard }) => shard),
      release,
      [Symbol.dispose]: release,
    };
  }
}

function imageBytesOf({ height, width, channels }: ImageShape): number {
  return height * width * channels;
}

function validate(options: Required<Omit<ImageLoaderOptions, 'signal' | 'workers' | 'slots'>>, workers: number, slots: number): void {
  const { shards, batchSize, seed, image, shuffleBuffer } = options;
  if (shards.length === 0) throw new ShardsNotFoundError('the list of shards is empty');
  atLeast('batchSize', batchSize, 1);
  atLeast('seed', seed, 0);
  atLeast('workers', workers, 0);
  atLeast('slots', slots, MIN_SLOTS);
  atLeast('shuffleBuffer', shuffleBuffer, 0);
  atLeast('image.height', image.height, 1);
  atLeast('image.width', image.width, 1);
}

function atLeast(name: string, value: number, least: number): void {
  if (!Number.isSafeInteger(value) || value < least) throw new RangeError(`${name} must be an integer of at least ${least}, got ${value}`);
}
