import type { LabelledImages } from '../compute/protocol.ts';
import { TrainerError } from '../errors.ts';

/** Images with their classes. */
export interface Batch extends LabelledImages {
  /** One key an image. */
  readonly keys: readonly string[];
  /** What `resume` needs to go on right behind this batch, as plain JSON. Until `release`. */
  state(): unknown;
  /** Gives the memory back to the source. */
  release(): void;
}

/** Where training gets its batches: files, or memory. */
export interface BatchSource {
  /** All batches of epoch `n`: always the same ones, in the same order. */
  epoch(n: number): AsyncIterable<Batch> | Iterable<Batch>;
  /** The rest of the epoch, behind the batch that gave `state`. */
  resume(state: unknown): AsyncIterable<Batch> | Iterable<Batch>;
}

/** A place between two batches of the sequence of epochs. */
export interface DataPosition {
  readonly epoch: number;
  /** Batches of the epoch that lie before this place. */
  readonly batch: number;
  /** Of the batch before this place; undefined at the beginning of an epoch. */
  readonly state?: unknown;
}

/** The very beginning. */
export const FIRST_POSITION: DataPosition = { epoch: 0, batch: 0 };

/** A batch and its place: it is number `index`, from 0, of its epoch. */
export interface PositionedBatch {
  readonly batch: Batch;
  readonly epoch: number;
  readonly index: number;
}

/** The place right behind a batch that was not released yet. */
export function positionBehind({ batch, epoch, index }: PositionedBatch): DataPosition {
  return { epoch, batch: index + 1, state: batch.state() };
}

/** The batches of epoch after epoch, from `start` on, up to the end of `epochs` epochs in all. */
export async function* batchesOfEpochs(
  source: BatchSource,
  start: DataPosition,
  epochs: number,
): AsyncGenerator<PositionedBatch, void, undefined> {
  let { epoch, batch: index } = start;
  let batches = start.state === undefined ? undefined : source.resume(start.state);
  for (; epoch < epochs; epoch++) {
    for await (const batch of batches ?? source.epoch(epoch)) yield { batch, epoch, index: index++ };
    if (index === 0) {
      throw new TrainerError('TOO_FEW_SAMPLES', 'the data set has fewer samples than one batch; lower --batch-size');
    }
    [index, batches] = [0, undefined];
  }
}
