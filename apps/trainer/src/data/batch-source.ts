import type { ImageBatch } from '@warpforge/webdataset';
import { TrainerError } from '../errors.ts';

/** Images with their classes. `release` gives their memory back to the source. */
export type Batch = Pick<ImageBatch, 'size' | 'pixels' | 'labels' | 'keys' | 'release'>;

/** Where training gets its batches: files through `ImageLoader`, or memory. */
export interface BatchSource {
  /** The batches of epoch `n`, without the first `startBatch`: always the same ones, in the same order. */
  epoch(n: number, startBatch: number): AsyncIterable<Batch> | Iterable<Batch>;
}

/** A place between two batches of the endless sequence of epochs. */
export interface DataPosition {
  readonly epoch: number;
  /** Batches of the epoch that lie before this place. */
  readonly batch: number;
}

/** A batch and the place right behind it. */
export interface PositionedBatch {
  readonly batch: Batch;
  readonly position: DataPosition;
}

/** The batches of epoch after epoch, from `start` on. Ends only by an error or when the consumer leaves. */
export async function* endlessBatches(source: BatchSource, start: DataPosition): AsyncGenerator<PositionedBatch, void, undefined> {
  let position = start;
  for (;;) {
    for await (const batch of source.epoch(position.epoch, position.batch)) {
      position = { epoch: position.epoch, batch: position.batch + 1 };
      yield { batch, position };
    }
    if (position.batch === 0) {
      throw new TrainerError('TOO_FEW_SAMPLES', 'the data set has fewer samples than one batch; lower --batch-size');
    }
    position = { epoch: position.epoch + 1, batch: 0 };
  }
}
