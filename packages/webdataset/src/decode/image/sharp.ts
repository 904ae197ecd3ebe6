/** `sharp`: libvips; reads JPEG of every kind, PNG, WebP and more, and says what is wrong with a corrupt image. */
import { reasonOf } from '../../errors.ts';
import { DecodeFault } from '../decode-fault.ts';
import { MAX_PIXELS, type RasterDecoder } from './raster.ts';

/** Loads the decoder; rejects when the package is not installed or has no binary for this machine. */
export async function loadSharp(): Promise<RasterDecoder> {
  const { default: sharp } = await import('sharp');
  return {
    decode: async (bytes) => {
      try {
        const { data, info } = await sharp(bytes, { limitInputPixels: MAX_PIXELS, ignoreIcc: true })
          .toColourspace('srgb')
          .removeAlpha()
          .raw({ depth: 'uchar' })
          .toBuffer({ resolveWithObject: true });
        return { width: info.width, height: info.height, channels: info.channels === 1 ? 1 : 3, data };
      } catch (error) {
        throw new DecodeFault(reasonOf(error), { cause: error });
      }
    },
  };
}
