/**
 * The best decoder at hand. JPEG: libjpeg-turbo, straight into the target; `sharp` to judge what it refuses (it throws for corrupt
 * data and for CMYK alike, without saying which); `jpeg-js` where neither native package loads. PNG: our own. All else: `sharp`.
 *
 * Rotation tags (EXIF) and colour profiles are not applied, transparency is dropped, as in Python's pipelines.
 */
import { reasonOf } from '../../errors.ts';
import { DecodeFault } from '../decode-fault.ts';
import { loadJpegJs } from './jpeg-js.ts';
import { isJpeg, type JpegHeader, readJpegHeader } from './jpeg-header.ts';
import { type DirectDecoder, loadJpegTurbo } from './jpeg-turbo.ts';
import { decodePng, isPng } from './png.ts';
import { MAX_PIXELS, type Raster, type RasterDecoder } from './raster.ts';
import { loadSharp } from './sharp.ts';

/** How to get each decoder; a loader rejects where its package is missing. */
export interface CodecLoaders {
  readonly jpegTurbo: () => Promise<DirectDecoder>;
  readonly sharp: () => Promise<RasterDecoder>;
  readonly jpegJs: () => Promise<RasterDecoder>;
}

/** The packages of this installation. */
export const INSTALLED_CODECS: CodecLoaders = { jpegTurbo: loadJpegTurbo, sharp: loadSharp, jpegJs: loadJpegJs };

/** Decodes images to pixels. */
export class ImageCodecs {
  readonly #turbo: DirectDecoder | undefined;
  readonly #loaders: CodecLoaders;
  #general: Promise<RasterDecoder> | undefined;

  private constructor(turbo: DirectDecoder | undefined, loaders: CodecLoaders) {
    this.#turbo = turbo;
    this.#loaders = loaders;
  }

  /** Loads the fast decoder; the others are loaded when an image needs them. */
  static async create(loaders: CodecLoaders = INSTALLED_CODECS): Promise<ImageCodecs> {
    const turbo = await loaders.jpegTurbo().catch(() => undefined);
    return new ImageCodecs(turbo, loaders);
  }

  /**
   * Decodes at once if that is possible; undefined when {@link decode} must be asked.
   *
   * @throws {@link DecodeFault} for a PNG
   * @param channels what the pixels had best have; undefined: as the image has them
   * @param placeFor may be asked for memory for the pixels, of exactly height x width x channels bytes
   */
  decodeFast(bytes: Buffer, channels: 1 | 3 | undefined, placeFor: (header: JpegHeader, channels: 1 | 3) => Buffer): Raster | undefined {
    if (isPng(bytes)) return decodePng(bytes);
    const header = this.#turbo && readJpegHeader(bytes);
    if (this.#turbo === undefined || header === undefined || header.components === 4) return undefined;
    const { height, width, components } = header;
    if (height * width === 0 || height * width > MAX_PIXELS) return undefined;
    const wanted = channels ?? (components === 1 ? 1 : 3);
    const data = placeFor(header, wanted);
    try {
      this.#turbo.decodeInto(bytes, wanted, data);
    } catch {
      return undefined; // It does not say why; the general decoder does.
    }
    return { width, height, channels: wanted, data };
  }

  /**
   * Decodes what {@link decodeFast} could not; grey or RGB, as the image is.
   *
   * @throws {@link DecodeFault}
   */
  async decode(bytes: Buffer): Promise<Raster> {
    this.#general ??= this.#loadGeneral();
    return (await this.#general).decode(bytes);
  }

  async #loadGeneral(): Promise<RasterDecoder> {
    try {
      return await this.#loaders.sharp();
    } catch (missing) {
      return this.#withoutSharp(reasonOf(missing));
    }
  }

  #withoutSharp(missing: string): RasterDecoder {
    return {
      decode: async (bytes) => {
        try {
          if (isJpeg(bytes)) return await (await this.#loaders.jpegJs()).decode(bytes);
        } catch (error) {
          if (!(error instanceof DecodeFault)) throw error;
          throw new DecodeFault(`${error.message} (sharp, which reads more kinds, did not load: ${missing})`, { cause: error });
        }
        throw new DecodeFault(`it is ${kindOf(bytes)}, which only the optional package "sharp" decodes; that did not load: ${missing}`);
      },
    };
  }
}

/** Name of an image file format, by its first bytes. */
function kindOf(bytes: Buffer): string {
  const start = bytes.toString('latin1', 0, 12);
  if (start.startsWith('RIFF') && start.endsWith('WEBP')) return 'WebP';
  if (start.startsWith('GIF8')) return 'GIF';
  if (start.startsWith('II*\0') || start.startsWith('MM\0*')) return 'TIFF';
  return 'neither JPEG nor PNG';
}
