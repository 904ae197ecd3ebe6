import { SYNTHETIC_CLASSES, SyntheticImages } from '@warpforge/webdataset/synthetic';
import { formatCount } from '../terminal.ts';
import type { DataSet, Split } from './data-set.ts';

/** One test image for this many training images. */
const TRAIN_PER_TEST = 5;

/** What the synthetic data set is made from. */
export interface SyntheticOptions {
  /** Images of the training split; the test split has a fifth of that, at least one for each class. */
  readonly trainImages: number;
  /** Width and height in pixels. */
  readonly size: number;
  /** The same seed and size give the same images. */
  readonly seed: number;
}

/** Colour images that a model can tell apart; see {@link SyntheticImages}. */
export function openSynthetic({ trainImages, size, seed }: SyntheticOptions): DataSet {
  const testImages = Math.max(SYNTHETIC_CLASSES, Math.ceil(trainImages / TRAIN_PER_TEST));
  const images = new SyntheticImages({ size, seed });
  return {
    name: 'synthetic',
    description: `${formatCount(trainImages + testImages)} striped patterns, ${size}x${size} colour, made from seed ${seed}`,
    classes: SYNTHETIC_CLASSES,
    ...images.shape,
    train: splitOf(images, 0, trainImages),
    test: splitOf(images, trainImages, testImages),
  };
}

function splitOf(images: SyntheticImages, first: number, count: number): Split {
  return { count, images: () => images.range(first, count) };
}
