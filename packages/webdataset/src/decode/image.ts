/**
 * Images of any size to pixels of one size, through the best decoder at hand: libjpeg-turbo for the common JPEG, straight into the
 * target; `sharp` for all else and to judge what libjpeg-turbo refuses (it throws for corrupt data and for CMYK alike, without
 * saying which); `jpeg-js` where neither native package loads.
 *
 * Rotation tags (EXIF) and colour profiles are not applied, as in Python's pipelines.
 */
import { reasonOf } from '../errors.ts';
import { type DirectDecoder, loadJpegTurbo } from './jpeg-turbo.ts';
import { loadJpegJs } from './jpeg-js.ts';
import { type JpegHeader, readJpegHeader } from './jpeg-header.ts';
import { DecodeFault, MAX_PIXELS, type Raster, type RasterDecoder, withChannels } from './raster.ts';
import { resizeToCover } from './resize.ts';
import { loadSharp } from './sharp.ts';

/** The shape of every decoded image. */
export interface ImageShape {
  /** Rows. */
  readonly height: number;
  /** Pixels a row. */
  readonly width: number;
  /** 1 is grey, 3 is RGB. */
  readonly channels: 1 | 3;
}

/** How to get each decoder; a loader rejects where its package is missing. */
export interface CodecLoaders {
  readonly jpegTurbo: () => Promise<DirectDecoder>;
  readonly sharp: () => Promise<RasterDecoder>;
  readonly jpegJs: () => Promise<RasterDecoder>;
}

const INSTALLED: CodecLoaders = { jpegTurbo: loadJpegTurbo, sharp: loadSharp, jpegJs: loadJpegJs };

/** Larger intermediate pictures are not kept between two images. */
const KEPT_SCRATCH_BYTES = 16 * 1024 * 1024;

/** Decodes images; not to be used by two callers at once, for it keeps one scratch buffer. */
export class ImageDecoder {
  readonly #turbo: DirectDecoder | undefined;
  readonly #loaders: CodecLoaders;
  #general: Promise<RasterDecoder> | undefined;
  #scratch = Buffer.alloc(0);

  private constructor(turbo: DirectDecoder | undefined, loaders: CodecLoaders) {
    this.#turbo = turbo;
    this.#loaders = loaders;
  }

  /** Loads the fast decoder; the others are loaded when an image needs them. */
  static async create(loaders: CodecLoaders = INSTALLED): Promise<ImageDecoder> {
    const turbo = await loaders.jpegTurbo().catch(() => undefined);
    return new ImageDecoder(turbo, loaders);
  }

  /**
   * Decodes at once if the fast decoder can; false when {@link decodeOtherInto} must be asked. Other sizes are scaled to cover the
   * shape and cut to it.
   *
   * @param target exactly height x width x channels bytes, NHWC
   */
  tryDecodeInto(bytes: Buffer, shape: ImageShape, target: Buffer): boolean {
    const raster = this.#decodeFast(bytes, shape.channels, (header) =>
      header.height === shape.height && header.width === shape.width ? target : undefined,
    );
    if (raster === undefined) return false;
    if (raster.data !== target) resizeToCover(raster, shape.height, shape.width, target);
    return true;
  }

  /**
   * Decodes what {@link tryDecodeInto} could not.
   *
   * @param target exactly height x width x channels bytes, NHWC
   * @throws {@link DecodeFault}
   */
  async decodeOtherInto(bytes: Buffer, shape: ImageShape, target: Buffer): Promise<void> {
    const raster = withChannels(await this.#decodeGeneral(bytes), shape.channels);
    if (raster.height === shape.height && raster.width === shape.width) target.set(raster.data);
    else resizeToCover(raster, shape.height, shape.width, target);
  }

  /** Decodes an image in its own size, grey or RGB as it is. */
  async decode(bytes: Buffer): Promise<Raster> {
    const channels = readJpegHeader(bytes)?.components === 1 ? 1 : 3;
    return (
      this.#decodeFast(bytes, channels, ({ height, width }) => Buffer.alloc(height * width * channels)) ??
      (await this.#decodeGeneral(bytes))
    );
  }

  #decodeFast(bytes: Buffer, channels: 1 | 3, place: (header: JpegHeader) => Buffer | undefined): Raster | undefined {
    const header = this.#turbo && readJpegHeader(bytes);
    if (this.#turbo === undefined || header === undefined || header.components === 4) return undefined;
    const { height, width } = header;
    if (height * width === 0 || height * width > MAX_PIXELS) return undefined;
    const data = place(header) ?? this.#scratchOf(height * width * channels);
    try {
      this.#turbo.decodeInto(bytes, channels, data);
    } catch {
      return undefined; // It does not say why; the general decoder does.
    }
    return { width, height, channels, data };
  }

  async #decodeGeneral(bytes: Buffer): Promise<Raster> {
    this.#general ??= this.#loadGeneral();
    return (await this.#general).decode(bytes);
  }

  async #loadGeneral(): Promise<RasterDecoder> {
    try {
      return await this.#loaders.sharp();
    } catch (missing) {
      const jpegJs = await this.#loaders.jpegJs();
      return {
        decode: async (bytes) => {
          try {
            return await jpegJs.decode(bytes);
          } catch (error) {
            throw new DecodeFault(`${reasonOf(error)} (sharp, which reads more kinds, did not load: ${reasonOf(missing)})`, {
              cause: error,
            });
          }
        },
      };
    }
  }

  #scratchOf(length: number): Buffer {
    if (this.#scratch.length >= length) return this.#scratch.subarray(0, length);
    const scratch = Buffer.allocUnsafeSlow(length);
    if (length <= KEPT_SCRATCH_BYTES) this.#scratch = scratch;
    return scratch;
  }
}
