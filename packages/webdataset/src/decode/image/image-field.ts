import type { DecodeContext } from '../decode-context.ts';
import { ImageFitter } from './image-fitter.ts';
import type { ImageCodecs } from './image-codecs.ts';
import type { ImageFit } from './image-spec.ts';
import type { Image } from './image-value.ts';
import { type Raster, withChannels } from './raster.ts';

/** Larger intermediate pictures are not kept between two images. */
const KEPT_SCRATCH_BYTES = 16 * 1024 * 1024;

/** Decodes images to tensors of one size. Calls may overlap: scratch memory is used only between two waits. */
export class FittedImages {
  readonly #codecs: ImageCodecs;
  readonly #fit: ImageFit;
  readonly #fitter: ImageFitter;
  #scratch = Buffer.alloc(0);

  constructor(codecs: ImageCodecs, fit: ImageFit) {
    this.#codecs = codecs;
    this.#fit = fit;
    this.#fitter = new ImageFitter(fit);
  }

  /** As {@link FieldDecoders.decodeInto}. */
  decodeInto(bytes: Buffer, target: Buffer, context: DecodeContext): Promise<void> | undefined {
    const { channels } = this.#fit;
    const raster = this.#codecs.decodeFast(bytes, channels, (header) =>
      this.#fitter.isItself(header) ? target : this.#scratchOf(header.height * header.width * channels),
    );
    if (raster === undefined) return this.#decodeOther(bytes, target, context);
    if (raster.data !== target) this.#fitInto(raster, target, context);
    return undefined;
  }

  /** As {@link FieldDecoders.decodeValue}. */
  decodeValue(bytes: Buffer, context: DecodeContext): Image<Uint8Array | Float32Array> | Promise<Image<Uint8Array | Float32Array>> {
    const { height, width, channels, layout, type } = this.#fit;
    const data = type === 'float32' ? new Float32Array(height * width * channels) : new Uint8Array(height * width * channels);
    const value = { height, width, channels, layout, data };
    const pending = this.decodeInto(bytes, Buffer.from(data.buffer), context);
    return pending === undefined ? value : pending.then(() => value);
  }

  async #decodeOther(bytes: Buffer, target: Buffer, context: DecodeContext): Promise<void> {
    this.#fitInto(await this.#codecs.decode(bytes), target, context);
  }

  #fitInto(raster: Raster, target: Buffer, context: DecodeContext): void {
    this.#fitter.fit(withChannels(raster, this.#fit.channels), () => context.random(), target);
  }

  #scratchOf(length: number): Buffer {
    if (this.#scratch.length >= length) return this.#scratch.subarray(0, length);
    const scratch = Buffer.allocUnsafeSlow(length);
    if (length <= KEPT_SCRATCH_BYTES) this.#scratch = scratch;
    return scratch;
  }
}

/** Decodes an image in its own size. */
export function decodeRaster(codecs: ImageCodecs, bytes: Buffer, channels?: 1 | 3): Raster | Promise<Raster> {
  const convert = (raster: Raster): Raster => (channels === undefined ? raster : withChannels(raster, channels));
  const raster = codecs.decodeFast(bytes, channels, ({ height, width }, own) => Buffer.allocUnsafeSlow(height * width * own));
  return raster === undefined ? codecs.decode(bytes).then(convert) : convert(raster);
}
