import type { Rectangle } from './crop.ts';
import type { ImageFit } from './image-spec.ts';
import type { PixelView } from './raster.ts';

/** Writes levels of pixels as the elements of a tensor: in its layout, mirrored where asked, and normalised. */
export class PixelWriter {
  readonly #fit: ImageFit;
  /** From one pixel, row or channel to the next in the target. */
  readonly #pixelStep: number;
  readonly #rowStep: number;
  readonly #channelStep: number;
  /** The 256 values that a channel's levels become, for each channel; undefined where they stay levels. */
  readonly #values: readonly Float32Array[] | undefined;

  constructor(fit: ImageFit) {
    const { height, width, channels, layout, type, mean = [], std = [] } = fit;
    this.#fit = fit;
    this.#pixelStep = layout === 'nhwc' ? channels : 1;
    this.#rowStep = layout === 'nhwc' ? width * channels : width;
    this.#channelStep = layout === 'nhwc' ? 1 : height * width;
    if (type === 'float32') {
      this.#values = Array.from({ length: channels }, (_, channel) => normalisedLevels(mean[channel] ?? 0, std[channel] ?? 1));
    }
  }

  /** Writes `pixels` to the place `to` of the target, and black around it. */
  write(pixels: PixelView, to: Rectangle, mirrored: boolean, target: Buffer): void {
    const { height, width, channels } = this.#fit;
    const whole = to.width === width && to.height === height;
    const elements = height * width * channels;
    const first = to.top * this.#rowStep + (mirrored ? width - 1 - to.left : to.left) * this.#pixelStep;
    const pixelStep = mirrored ? -this.#pixelStep : this.#pixelStep;
    if (this.#values === undefined) {
      if (!whole) target.fill(0);
      if (pixelStep === channels) copyRows(pixels, target, first, this.#rowStep);
      else this.#writeLevels(pixels, target, first, pixelStep);
      return;
    }
    const values = new Float32Array(target.buffer, target.byteOffset, elements);
    if (!whole) this.#fillBlack(values, this.#values);
    this.#writeValues(pixels, values, first, pixelStep, this.#values);
  }

  #writeLevels(pixels: PixelView, target: Uint8Array, first: number, pixelStep: number): void {
    const { data, width, height, channels } = pixels;
    for (let y = 0; y < height; y++) {
      // A row stays in the processor's nearest cache, so a pass for each channel costs nothing and keeps the loop simple.
      for (let channel = 0; channel < channels; channel++) {
        let from = pixels.offset + y * pixels.stride + channel;
        let to = first + y * this.#rowStep + channel * this.#channelStep;
        for (let x = 0; x < width; x++, from += channels, to += pixelStep) target[to] = data[from] ?? 0;
      }
    }
  }

  #writeValues(pixels: PixelView, target: Float32Array, first: number, pixelStep: number, values: readonly Float32Array[]): void {
    const { data, width, height, channels } = pixels;
    for (let y = 0; y < height; y++) {
      for (let channel = 0; channel < channels; channel++) {
        const valueOf = values[channel] ?? new Float32Array();
        let from = pixels.offset + y * pixels.stride + channel;
        let to = first + y * this.#rowStep + channel * this.#channelStep;
        for (let x = 0; x < width; x++, from += channels, to += pixelStep) target[to] = valueOf[data[from] ?? 0] ?? 0;
      }
    }
  }

  #fillBlack(target: Float32Array, values: readonly Float32Array[]): void {
    for (const [channel, valueOf] of values.entries()) {
      const black = valueOf[0] ?? 0;
      const end = this.#pixelStep === 1 ? (channel + 1) * this.#channelStep : target.length;
      for (let at = channel * this.#channelStep; at < end; at += this.#pixelStep) target[at] = black;
    }
  }
}

/** (level / 255 - mean) / std for every level. */
function normalisedLevels(mean: number, std: number): Float32Array {
  return Float32Array.from({ length: 256 }, (_, level) => (level / 255 - mean) / std);
}

function copyRows(pixels: PixelView, target: Buffer, first: number, rowStep: number): void {
  const { data, offset, stride, width, height, channels } = pixels;
  for (let y = 0; y < height; y++) {
    const from = offset + y * stride;
    target.set(data.subarray(from, from + width * channels), first + y * rowStep);
  }
}
