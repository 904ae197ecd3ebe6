import type { DataSet } from './datasets/data-set.ts';
import { UsageError, type DataSetName, type DemoOptions } from './options.ts';

/** How images are spread over shards. */
export interface ShardLayout {
  readonly images: number;
  readonly shards: number;
  readonly imagesPerShard: number;
}

/** Everything about a run that is decided before it starts. */
export interface DemoPlan {
  readonly train: ShardLayout;
  readonly test: ShardLayout;
  /** Steps of the training with the warm cache. */
  readonly steps: number;
  /** Steps of the comparison run from an empty cache. */
  readonly coldSteps: number;
}

/** Enough steps for stable means, few enough that nobody waits for an accuracy that the run is not there for. */
const COLD_STEPS = 100;

/** About six epochs of the digits and of the synthetic images, one of Fashion-MNIST. */
const STEPS: Readonly<Record<DataSetName, number>> = { digits: 800, 'fashion-mnist': 1000, synthetic: 100 };

const SHARDS: Readonly<Record<DataSetName, number>> = { digits: 16, 'fashion-mnist': 60, synthetic: 8 };

const SYNTHETIC_IMAGES_PER_SHARD = 128;

/** A sample's key has eight digits, so a data set has at most this many images. */
const MAX_IMAGES = 1e8;

/** Images of the training split that a synthetic data set must have. */
export function syntheticImages(options: DemoOptions): number {
  const images = (options.shards ?? SHARDS.synthetic) * (options.imagesPerShard ?? SYNTHETIC_IMAGES_PER_SHARD);
  if (images > MAX_IMAGES / 2)
    throw new UsageError(`--shards times --images-per-shard is ${images}; at most ${MAX_IMAGES / 2} are possible`);
  return images;
}

/**
 * Fits what was asked for to the data set: left-out sizes use all of its training images, and the test split is always whole.
 *
 * @throws {UsageError} when more images are asked for than there are, or a batch is larger than the data set.
 */
export function planDemo(options: DemoOptions, dataSet: DataSet): DemoPlan {
  const train = layoutTraining(options, dataSet);
  if (options.batchSize > train.images) {
    throw new UsageError(`--batch-size ${options.batchSize} is more than the ${train.images} training images`);
  }
  const steps = options.steps ?? STEPS[options.dataset];
  return { train, test: layoutTest(train, dataSet.test.count), steps, coldSteps: Math.min(COLD_STEPS, steps) };
}

function layoutTraining(options: DemoOptions, { name, train }: DataSet): ShardLayout {
  const shards =
    options.shards ??
    (options.imagesPerShard === undefined ? SHARDS[options.dataset] : Math.max(2, Math.ceil(train.count / options.imagesPerShard)));
  const imagesPerShard = options.imagesPerShard ?? evenShardSize(train.count, shards);
  const images = Math.min(train.count, shards * imagesPerShard);
  // The last shard may be shorter, but none may be empty.
  if ((shards - 1) * imagesPerShard >= images) {
    throw new UsageError(
      `${shards} shards of ${imagesPerShard} images are more than the ${train.count} training images of ${name}; ask for fewer with --shards or --images-per-shard`,
    );
  }
  return { images, shards, imagesPerShard };
}

/** The smallest size that takes all images without an empty shard at the end, or else the largest that fills every shard. */
function evenShardSize(images: number, shards: number): number {
  const enough = Math.ceil(images / shards);
  return (shards - 1) * enough < images ? enough : Math.max(1, Math.floor(images / shards));
}

/** As large shards as the training's, but at least two: one for each account. */
function layoutTest(train: ShardLayout, images: number): ShardLayout {
  const shards = Math.max(2, Math.min(train.shards, Math.ceil(images / train.imagesPerShard)));
  const imagesPerShard = Math.ceil(images / shards);
  return { images, shards: Math.ceil(images / imagesPerShard), imagesPerShard };
}
