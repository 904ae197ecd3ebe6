import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DemoError } from '../errors.ts';
import { formatCount } from '../terminal.ts';
import type { DataSet, RawImage, Split } from './data-set.ts';
import { parseIdx } from './idx.ts';

/** Where Debian and Ubuntu put the package. */
const FOLDER = '/usr/share/datasets/fashion-mnist';

/** Zalando's Fashion-MNIST from the Debian package `dataset-fashion-mnist`: 60,000 training and 10,000 test images of clothes. */
export async function openFashionMnist(folder: string = FOLDER): Promise<DataSet> {
  const train = await readSplit(folder, 'train');
  const test = await readSplit(folder, 't10k');
  return {
    name: 'fashion-mnist',
    description: `${formatCount(train.split.count + test.split.count)} pieces of clothing, ${train.width}x${train.height} grey (Debian package dataset-fashion-mnist)`,
    classes: 10,
    height: train.height,
    width: train.width,
    channels: 1,
    train: train.split,
    test: test.split,
  };
}

async function readSplit(folder: string, prefix: 'train' | 't10k'): Promise<{ split: Split; height: number; width: number }> {
  const images = await readIdx(folder, `${prefix}-images-idx3-ubyte.gz`);
  const labels = await readIdx(folder, `${prefix}-labels-idx1-ubyte.gz`);
  const [count, height, width] = images.dimensions;
  if (count === undefined || height === undefined || width === undefined || labels.values.length !== count) {
    throw new DemoError(
      'DATASET_DAMAGED',
      `${folder}: images and labels of "${prefix}" do not belong together; reinstall dataset-fashion-mnist`,
    );
  }
  const size = height * width;
  return {
    height,
    width,
    split: {
      count,
      *images(): Generator<RawImage> {
        for (const [index, label] of labels.values.entries()) {
          yield { pixels: images.values.subarray(index * size, (index + 1) * size), label };
        }
      },
    },
  };
}

async function readIdx(folder: string, name: string): Promise<ReturnType<typeof parseIdx>> {
  const file = join(folder, name);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    throw new DemoError('DATASET_MISSING', `${file} cannot be read; install it with: apt-get install dataset-fashion-mnist`, { cause });
  }
  return parseIdx(bytes, file);
}
