import { ImageLoader } from '@warpforge/webdataset';
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

const STATE = z.object({ epoch: z.int().min(0), batch: z.int().min(0) });

/** Batches of files. */
export class LoaderSource implements BatchSource, AsyncDisposable {
  readonly #options: LoaderSourceOptions;
  readonly #loader: ImageLoader;

  private constructor(options: LoaderSourceOptions, loader: ImageLoader) {
    this.#options = options;
    this.#loader = loader;
  }

  static async open(options: LoaderSourceOptions): Promise<LoaderSource> {
    const { roots, shape, batchSize, seed, workers, order, failures, signal } = options;
    const shuffle = order === 'shuffled';
    const loader = await ImageLoader.open({
      shards: roots.flatMap(({ shards }) => shards),
      image: { height: shape.height, width: shape.width, channels: shape.channels },
      batchSize,
      seed,
      workers,
      shuffle,
      lastBatch: shuffle ? 'drop' : 'keep',
      onError: failures.onError === 'raise' ? 'raise' : 'skip',
      signal,
    });
    return new LoaderSource(options, loader);
  }

  epoch(n: number): AsyncGenerator<Batch, void, undefined> {
    return this.#batches(n, 0);
  }

  resume(state: unknown): AsyncGenerator<Batch, void, undefined> {
    const { epoch, batch } = STATE.parse(state);
    return this.#batches(epoch, batch);
  }

  stats(): SourceStats {
    return { bytesByRoot: this.#options.roots.map(({ path }) => ({ root: path, bytes: 0 })), skipped: 0, stages: [] };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#loader[Symbol.asyncDispose]();
  }

  async *#batches(epoch: number, start: number): AsyncGenerator<Batch, void, undefined> {
    let index = 0;
    for await (const batch of this.#loader.epoch(epoch)) {
      const number = ++index;
      if (number <= start) {
        batch.release();
        continue;
      }
      checkLabels(batch.labels, batch.keys, batch.shards, this.#options.shape.classes);
      const { size, pixels, labels, keys } = batch;
      yield { size, pixels, labels, keys, state: () => ({ epoch, batch: number }), release: () => batch.release() };
    }
  }
}
