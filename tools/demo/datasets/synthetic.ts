import { formatCount } from '../terminal.ts';
import type { DataSet, RawImage, Split } from './data-set.ts';
import { seededIntegers } from './random.ts';

const CLASSES = 10;
const CHANNELS = 3;
/** Stripes across the image: coarse enough to survive the JPEG encoder and the first pooling of a network, at any size. */
const STRIPES = 6;
/** Brightness between the crest of a stripe and the middle grey. */
const AMPLITUDE = 60;
/** Samples of one period; a power of two, so that the remainder is a mask. */
const WAVE_STEPS = 256;
/** How far the tint moves a channel from the middle grey. */
const TINT = 25;
/** Noise is uniform in ± this, about as strong as the stripes, so that a single pixel says little. */
const NOISE = 50;
/** One noise pattern is cut at random offsets for all images: drawing a random number a pixel would cost more than the encoding. */
const NOISE_BYTES = 1 << 20;
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

/**
 * Colour images that a model can tell apart: each class is a direction of stripes and a tint, each image a random phase of them
 * under noise. Labels go round, so every class is equally frequent.
 */
export function openSynthetic({ trainImages, size, seed }: SyntheticOptions): DataSet {
  const testImages = Math.max(CLASSES, Math.ceil(trainImages / TRAIN_PER_TEST));
  const painter = new Painter(size, seed);
  return {
    name: 'synthetic',
    description: `${formatCount(trainImages + testImages)} striped patterns, ${size}x${size} colour, made from seed ${seed}`,
    classes: CLASSES,
    height: size,
    width: size,
    channels: CHANNELS,
    train: splitOf(painter, 0, trainImages),
    test: splitOf(painter, trainImages, testImages),
  };
}

function splitOf(painter: Painter, first: number, count: number): Split {
  return {
    count,
    *images(): Generator<RawImage> {
      for (let index = first; index < first + count; index += 1) yield painter.paint(index);
    },
  };
}

/** Paints the image of any index, always the same one. */
class Painter {
  readonly #size: number;
  readonly #seed: number;
  readonly #noise: Int8Array;
  /** Per class and channel one period of the stripes, as brightness. */
  readonly #waves: readonly (readonly Float32Array[])[];

  constructor(size: number, seed: number) {
    this.#size = size;
    this.#seed = seed;
    const below = seededIntegers(seed);
    this.#noise = Int8Array.from({ length: NOISE_BYTES }, () => below(2 * NOISE + 1) - NOISE);
    this.#waves = Array.from({ length: CLASSES }, (_, label) =>
      Array.from({ length: CHANNELS }, (_unused, channel) => wave(label, channel)),
    );
  }

  paint(index: number): RawImage {
    const size = this.#size;
    const label = index % CLASSES;
    // Mixing by a large odd constant keeps the sequences of neighbouring images apart.
    const below = seededIntegers(this.#seed ^ Math.imul(index + 1, 0x9e3779b1));
    const phase = below(WAVE_STEPS);
    const angle = (Math.PI * label) / CLASSES;
    const stepX = (Math.cos(angle) * STRIPES * WAVE_STEPS) / size;
    const stepY = (Math.sin(angle) * STRIPES * WAVE_STEPS) / size;
    const [red, green, blue] = this.#waves[label] ?? [];
    if (red === undefined || green === undefined || blue === undefined) throw new RangeError(`no class ${label}`);
    const pixels = new Uint8ClampedArray(size * size * CHANNELS);
    const noise = this.#noise;
    for (let y = 0, at = 0; y < size; y += 1) {
      let noiseAt = below(NOISE_BYTES - size);
      // Kept positive, so that `& (WAVE_STEPS - 1)` is the remainder.
      let position = phase + y * stepY + WAVE_STEPS * STRIPES * 2;
      for (let x = 0; x < size; x += 1, position += stepX) {
        const step = position & (WAVE_STEPS - 1);
        const grain = noise[noiseAt++] ?? 0;
        pixels[at++] = (red[step] ?? 0) + grain;
        pixels[at++] = (green[step] ?? 0) + grain;
        pixels[at++] = (blue[step] ?? 0) + grain;
      }
    }
    return { pixels: new Uint8Array(pixels.buffer), label };
  }
}

/** One period of a class's stripes in one channel; the tint turns with the class. */
function wave(label: number, channel: number): Float32Array {
  const tint = 128 + TINT * Math.cos((2 * Math.PI * label) / CLASSES + (2 * Math.PI * channel) / CHANNELS);
  return Float32Array.from({ length: WAVE_STEPS }, (_, step) => tint + AMPLITUDE * Math.sin((2 * Math.PI * step) / WAVE_STEPS));
}
