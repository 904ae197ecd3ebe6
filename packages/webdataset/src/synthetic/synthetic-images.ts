import { atLeast } from '../at-least.ts';
import type { ImageShape } from '../decode/image/image-value.ts';
import { Random } from '../order/random.ts';
import type { RawImage } from './encode-images.ts';

/** How many classes synthetic images have. */
export const SYNTHETIC_CLASSES = 10;

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

/** Streams of random numbers, apart from those of the order. */
const NOISE_STREAM = 200;
const IMAGE_STREAM = 201;

/**
 * Square colour images that a model can tell apart: each class is a direction of stripes and a tint, each image a random phase of them
 * under noise. Labels go round, so every class is equally frequent. The same seed and size give the same images.
 */
export class SyntheticImages {
  readonly shape: ImageShape;
  readonly #seed: number;
  readonly #noise: Int8Array;
  /** Per class and channel one period of the stripes, as brightness. */
  readonly #waves: readonly (readonly Float32Array[])[];

  /**
   * @param options `size`: width and height in pixels; `seed`: a safe integer, 0 or more
   * @throws RangeError for values that are no such numbers
   */
  constructor({ size, seed }: { readonly size: number; readonly seed: number }) {
    atLeast('size', size, 1);
    atLeast('seed', seed, 0);
    this.shape = { height: size, width: size, channels: CHANNELS };
    this.#seed = seed;
    const random = new Random(seed, 0, NOISE_STREAM);
    this.#noise = new Int8Array(NOISE_BYTES);
    for (let at = 0; at < NOISE_BYTES; at += 1) this.#noise[at] = random.below(2 * NOISE + 1) - NOISE;
    this.#waves = Array.from({ length: SYNTHETIC_CLASSES }, (_, label) =>
      Array.from({ length: CHANNELS }, (_unused, channel) => wave(label, channel)),
    );
  }

  /** Paints the image of any index from 0 on, always the same one. */
  paint(index: number): RawImage {
    const size = this.shape.width;
    const label = index % SYNTHETIC_CLASSES;
    const random = new Random(this.#seed, index, IMAGE_STREAM);
    const phase = random.below(WAVE_STEPS);
    const angle = (Math.PI * label) / SYNTHETIC_CLASSES;
    const stepX = (Math.cos(angle) * STRIPES * WAVE_STEPS) / size;
    const stepY = (Math.sin(angle) * STRIPES * WAVE_STEPS) / size;
    const [red, green, blue] = this.#waves[label] ?? [];
    if (red === undefined || green === undefined || blue === undefined) throw new RangeError(`no class ${label}`);
    const pixels = new Uint8ClampedArray(size * size * CHANNELS);
    const noise = this.#noise;
    for (let y = 0, at = 0; y < size; y += 1) {
      let noiseAt = random.below(NOISE_BYTES - size);
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

  /** Paints `count` images from the index `first` on; every call begins anew. */
  *range(first: number, count: number): Generator<RawImage, void> {
    for (let index = first; index < first + count; index += 1) yield this.paint(index);
  }
}

/** One period of a class's stripes in one channel; the tint turns with the class. */
function wave(label: number, channel: number): Float32Array {
  const tint = 128 + TINT * Math.cos((2 * Math.PI * label) / SYNTHETIC_CLASSES + (2 * Math.PI * channel) / CHANNELS);
  return Float32Array.from({ length: WAVE_STEPS }, (_, step) => tint + AMPLITUDE * Math.sin((2 * Math.PI * step) / WAVE_STEPS));
}
