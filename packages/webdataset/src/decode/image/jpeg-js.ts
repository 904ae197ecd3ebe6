/** `jpeg-js`: plain JavaScript, always installed, 15 to 25 times as slow as libjpeg-turbo. */
import { reasonOf } from '../../errors.ts';
import { isJpeg } from './jpeg-header.ts';
import { DecodeFault } from '../decode-fault.ts';
import { MAX_PIXELS, type RasterDecoder } from './raster.ts';

/** Loads the decoder. */
export async function loadJpegJs(): Promise<RasterDecoder> {
  const { default: jpegJs } = await import('jpeg-js');
  return {
    decode: (bytes) =>
      new Promise((resolve) => {
        if (!isJpeg(bytes)) throw new DecodeFault('it is no JPEG, and only the optional package "sharp" decodes other images');
        try {
          const { width, height, data } = jpegJs.decode(bytes, {
            useTArray: true,
            formatAsRGBA: false,
            tolerantDecoding: false,
            maxResolutionInMP: MAX_PIXELS / 1_000_000,
            // Its estimate of the decoder's own tables and planes, which are several times the pixels.
            maxMemoryUsageInMB: 2048,
          });
          resolve({ width, height, channels: 3, data });
        } catch (error) {
          throw new DecodeFault(reasonOf(error), { cause: error });
        }
      }),
  };
}
