import { image, IMAGE_FIELDS, integer, Loader } from '@warpforge/webdataset';
import type { LoaderState } from '@warpforge/webdataset';
import { z } from 'zod';
import type { ModelShape } from '../model/network.ts';
import type { Batch, BatchSource } from './batch-source.ts';
import type { Root } from './dataset.ts';
import { checkLabels } from './labels.ts';

/** Random changes of training images. */
export type Augmentation = 'none' | 'flip' | 'crop' | 'crop-flip';

/** What happens to samples, and rests of shards, that cannot be used. */
export interface FailurePolicy {
  readonly onError: 'raise' | 'skip' | 'warn' | 'stop';
  /** An epoch, for `skip` and `warn`. */
  readonly maxFailures: number | undefined;
}

export interface LoaderSourceOptions {
  /** Read side by side, each in proportion to its number of shards. */
  readonly roots: readonly Root[];
  /** Images are scaled to it, and labels must be one of its classes. */
  readonly shape: ModelShape;
  readonly batchSize: number;
  readonly seed: number;
  /** Threads that decode; 0 decodes in the calling thread. */
  readonly workers: number;
  /** Shuffled and in full batches, for training; or every sample once, as the shards have them. */
  readonly order: 'shuffled' | 'as-stored';
  readonly augment: Augmentation;
  readonly failures: FailurePolicy;
  /** Told before an epoch, or the rest of one, which shards will be read, in this order. */
  readonly onPlan?: (shards: readonly string[]) => Promise<void>;
  /** Makes epochs fail with its reason. */
  readonly signal: AbortSignal;
}

/** One stage of the loader; times in ms, added up over all epochs. */
export interface StageOfSource {
  readonly name: 'read' | 'decode' | 'deliver';
  readonly busyMs: number;
  readonly starvedMs: number;
  readonly blockedMs: number;
  readonly queued: number;
}

/** What was read since the source was opened. */
export interface SourceStats {
  readonly bytesByRoot: readonly { readonly root: string; readonly bytes: number }[];
  /** Samples and rests of shards that were left out. */
  readonly skipped: number;
  readonly stages: readonly StageOfSource[];
}

/** A crop moves the image by up to this part of its side: 4 pixels of 112, 1 of 28. */
const CROP_PART = 1 / 28;

/** Its content is checked by the loader that resumes it. */
const LOADER_STATE = z.custom<LoaderState>((value) => typeof value === 'object' && value !== null);

type Fields = ReturnType<typeof fieldsOf>;

/** Batches of files. */
export class LoaderSource implements BatchSource, AsyncDisposable {
  readonly #options: LoaderSourceOptions;
  readonly #loader: Loader<Fields>;

  private constructor(options: LoaderSourceOptions, loader: Loader<Fields>) {
    this.#options = options;
    this.#loader = loader;
  }

  static async open(options: LoaderSourceOptions): Promise<LoaderSource> {
    const { roots, shape, batchSize, seed, workers, order, augment, failures, signal } = options;
    const shuffle = order === 'shuffled';
    const loader = await Loader.open({
      shards: roots.map(({ shards }) => shards),
      fields: fieldsOf(shape, augment),
      batchSize,
      seed,
      workers,
      shuffle,
      lastBatch: shuffle ? 'drop' : 'keep',
      onError: failures.onError,
      ...(failures.maxFailures === undefined ? {} : { maxFailures: failures.maxFailures }),
      signal,
    });
    return new LoaderSource(options, loader);
  }

  async *epoch(n: number): AsyncGenerator<Batch, void, undefined> {
    await this.#options.onPlan?.(this.#loader.planShards(n));
    yield* this.#batches(this.#loader.epoch(n));
  }

  async *resume(state: unknown): AsyncGenerator<Batch, void, undefined> {
    const place = LOADER_STATE.parse(state);
    await this.#options.onPlan?.(this.#unread(place));
    yield* this.#batches(this.#loader.resume(place));
  }

  stats(): SourceStats {
    const stats = this.#loader.stats();
    const stage = (name: StageOfSource['name']): StageOfSource => {
      const { busyMs, starvedMs, blockedMs, queued } = stats[name];
      return { name, busyMs, starvedMs, blockedMs, queued };
    };
    return {
      bytesByRoot: this.#options.roots.map(({ path }, index) => ({ root: path, bytes: stats.bytesByGroup[index] ?? 0 })),
      skipped: stats.skipped,
      stages: [stage('read'), stage('decode'), stage('deliver')],
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#loader[Symbol.asyncDispose]();
  }

  /** Shards that are still to be read: those behind the place, and those before it of which samples wait in the shuffle buffer. */
  #unread({ epoch, walk, buffer }: LoaderState): string[] {
    const shards = this.#options.roots.flatMap((root) => root.shards);
    const waiting = new Set(buffer.items.map(({ shard }) => shards[shard]));
    return this.#loader.planShards(epoch).filter((shard, visit) => visit >= walk.visit || waiting.has(shard));
  }

  async *#batches(batches: ReturnType<Loader<Fields>['epoch']>): AsyncGenerator<Batch, void, undefined> {
    for await (const batch of batches) {
      const { size, image: pixels, label: labels, __key__: keys, __url__: shards } = batch;
      checkLabels(labels, keys, shards, this.#options.shape.classes);
      yield { size, pixels: pixels.data, labels, keys, state: () => batch.state(), release: () => batch.release() };
    }
  }
}

function fieldsOf({ height, width, channels }: ModelShape, augment: Augmentation) {
  const crops = augment === 'crop' || augment === 'crop-flip';
  return {
    image: image({
      from: IMAGE_FIELDS,
      height,
      width,
      channels,
      pad: crops ? Math.max(1, Math.round(CROP_PART * Math.min(height, width))) : 0,
      crop: crops ? 'random' : 'center',
      flip: augment === 'flip' || augment === 'crop-flip',
    }),
    label: integer({ from: ['cls'] }),
  };
}
