import type { RandomNumbers } from '../decode-context.ts';
import { type Placement, place } from './crop.ts';
import type { ImageFit } from './image-spec.ts';
import { PixelWriter } from './pixel-writer.ts';
import { type PixelView, type Raster, viewOf } from './raster.ts';
import { Resizer } from './resize.ts';

/** What a cut that lies wholly in the padding takes of a picture. */
const NOTHING = { left: 0, top: 0, width: 0, height: 0 };

/** Makes tensors of one size out of pictures of any; it keeps scratch memory, so it is not to be called from within itself. */
export class ImageFitter {
  readonly #fit: ImageFit;
  readonly #writer: PixelWriter;
  readonly #resizer = new Resizer();
  readonly #scaled: Uint8Array;

  constructor(fit: ImageFit) {
    this.#fit = fit;
    this.#writer = new PixelWriter(fit);
    this.#scaled = new Uint8Array(fit.height * fit.width * fit.channels);
  }

  /** True when the pixels of every picture of this size are the tensor, just as they are. */
  isItself({ height, width }: { readonly height: number; readonly width: number }): boolean {
    const { type, layout, channels, resize, crop, pad, flip } = this.#fit;
    return (
      height === this.#fit.height &&
      width === this.#fit.width &&
      type === 'uint8' &&
      (layout === 'nhwc' || channels === 1) &&
      (typeof resize === 'string' || resize === Math.min(height, width)) &&
      (crop === 'center' || (crop === 'random' && pad === 0)) &&
      !flip
    );
  }

  /**
   * Writes the tensor of a picture, whose channels must be the tensor's.
   *
   * @param target exactly the tensor's bytes
   * @param random asked at most once
   */
  fit(picture: Raster, random: () => RandomNumbers, target: Buffer): void {
    const placement = place(picture, this.#fit, random);
    this.#writer.write(this.#scale(picture, placement), placement.to, placement.mirrored, target);
  }

  #scale(picture: Raster, { from, region, to }: Placement): PixelView {
    if (to.width === 0 || to.height === 0) return viewOf(picture, NOTHING);
    const { left, top, width, height } = region;
    if (width === to.width && height === to.height && Number.isInteger(left) && Number.isInteger(top)) {
      return viewOf(picture, { left: from.left + left, top: from.top + top, width, height });
    }
    const { channels } = picture;
    const scaled = { data: this.#scaled, offset: 0, stride: to.width * channels, width: to.width, height: to.height, channels };
    this.#resizer.resize(viewOf(picture, from), region, scaled);
    return scaled;
  }
}
