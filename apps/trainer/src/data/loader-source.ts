import type { ImageBatch, ImageLoader } from '@warpforge/webdataset';
import type { BatchSource } from './batch-source.ts';

/** Batches of files. */
export class LoaderSource implements BatchSource {
  readonly #loader: ImageLoader;

  constructor(loader: ImageLoader) {
    this.#loader = loader;
  }

  /** Batches before `startBatch` are loaded and thrown away: the order of an epoch is known only by walking it. */
  async *epoch(n: number, startBatch: number): AsyncGenerator<ImageBatch, void, undefined> {
    let index = 0;
    for await (const batch of this.#loader.epoch(n)) {
      if (index++ < startBatch) batch.release();
      else yield batch;
    }
  }
}
