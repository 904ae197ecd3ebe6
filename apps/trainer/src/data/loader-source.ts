import { groupSamples, ImageLoader, readTar, shardOrder } from '@warpforge/webdataset';
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
  readonly #options: LoaderSourceOptions;
  readonly #loader: ImageLoader;

  private constructor(options: LoaderSourceOptions, loader: ImageLoader) {
    this.#options = options;
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
    return new LoaderSource(options, loader);
  }

  /** Batches before `startBatch` are loaded and thrown away: the order of an epoch is known only by walking it. */
  async *epoch(n: number, startBatch: number): AsyncGenerator<Batch, void, undefined> {
    let index = 0;
    for await (const batch of this.#loader.epoch(n)) {
      if (index++ < startBatch) {
        batch.release();
        continue;
      }
      await this.#checkLabels(batch, n);
      yield batch;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#loader[Symbol.asyncDispose]();
  }

  /** Throws if a label is no class: the loss would silently leave such an image out. */
  async #checkLabels({ labels, keys }: Batch, epoch: number): Promise<void> {
    const { classes } = this.#options.shape;
    const index = labels.findIndex((label) => label < 0 || label >= classes);
    if (index === -1) return;
    const key = keys[index] ?? '';
    const shard = await this.#shardOf(key, epoch);
    const fault = `the label ${labels[index] ?? '?'} is not in 0 to ${classes - 1}; set --classes to the number of classes`;
    throw new TrainerError('LABEL_OUT_OF_RANGE', `${shard}, sample "${key}": ${fault}`);
  }

  /** The shard of a sample of this epoch. In the order in which the loader visits them, so only shards that were read just now are read again. */
  async #shardOf(key: string, epoch: number): Promise<string> {
    const { shards, seed, order, signal } = this.#options;
    const visits = order === 'shuffled' ? shardOrder(shards.length, seed, epoch).map((index) => shards[index] ?? '') : shards;
    for (const shard of visits) {
      for await (const sample of groupSamples(readTar(shard, { signal }), shard)) if (sample.key === key) return shard;
    }
    throw new Error(`the sample "${key}" is in no shard any more`);
  }
}
