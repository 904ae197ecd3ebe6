import { ImageLoader, type ImageBatch } from '@warpforge/webdataset';
import { TrainerError } from '../errors.ts';
import type { ModelShape } from '../model/network.ts';
import type { Batch, BatchSource } from './batch-source.ts';

export interface LoaderSourceOptions {
  readonly shards: readonly string[];
  /** Images are scaled to it, and labels must be one of its classes. */
  readonly shape: ModelShape;
  readonly batchSize: number;
  readonly seed: number;
  /** Threads that decode; 0 decodes in the calling thread. */
  readonly workers: number;
  /** Shuffled and in full batches, for training; or every sample once, as the shards have them. */
  readonly order: 'shuffled' | 'as-stored';
  /** Makes epochs fail with its reason. */
  readonly signal: AbortSignal;
}

/** Batches of files. */
export class LoaderSource implements BatchSource, AsyncDisposable {
  readonly #shape: ModelShape;
  readonly #loader: ImageLoader;

  private constructor(shape: ModelShape, loader: ImageLoader) {
    this.#shape = shape;
    this.#loader = loader;
  }

  static async open(options: LoaderSourceOptions): Promise<LoaderSource> {
    const { shards, shape, batchSize, seed, workers, order, signal } = options;
    const shuffle = order === 'shuffled';
    const image = { height: shape.height, width: shape.width, channels: shape.channels };
    const loader = await ImageLoader.open({
      shards,
      batchSize,
      seed,
      workers,
      image,
      shuffle,
      lastBatch: shuffle ? 'drop' : 'keep',
      signal,
    });
    return new LoaderSource(shape, loader);
  }

  /** Batches before `startBatch` are loaded and thrown away: the order of an epoch is known only by walking it. */
  async *epoch(n: number, startBatch: number): AsyncGenerator<Batch, void, undefined> {
    let index = 0;
    for await (const batch of this.#loader.epoch(n)) {
      if (index++ < startBatch) {
        batch.release();
        continue;
      }
      this.#checkLabels(batch);
      yield batch;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#loader[Symbol.asyncDispose]();
  }

  /** Throws if a label is no class: the loss would silently leave such an image out. */
  #checkLabels({ labels, keys, shards }: ImageBatch): void {
    const { classes } = this.#shape;
    const index = labels.findIndex((label) => label < 0 || label >= classes);
    if (index === -1) return;
    const fault = `the label ${labels[index] ?? '?'} is not in 0 to ${classes - 1}; set --classes to the number of classes`;
    throw new TrainerError('LABEL_OUT_OF_RANGE', `${shards[index] ?? ''}, sample "${keys[index] ?? ''}": ${fault}`);
  }
}
