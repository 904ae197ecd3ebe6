import type { ImageShape } from '../decode/image/image-value.ts';

/** Encodes images as JPEG. */
export interface JpegEncoder {
  /** The package that does it. Another one makes other bytes of the same picture. */
  readonly name: string;
  /** @param pixels `height * width * channels` bytes, row by row, the channels of a pixel side by side */
  encode(pixels: Uint8Array, shape: ImageShape): Promise<Uint8Array>;
}

/** Small grey images lose too much at the quality that is usual for photographs; colour at half resolution is not visible. */
const QUALITY = { 1: 95, 3: 85 } as const;

/** The best encoder at hand: `@julusian/jpeg-turbo`, which works in libuv's threads; where it does not load, `jpeg-js`. */
export async function loadJpegEncoder(): Promise<JpegEncoder> {
  return loadTurboEncoder().catch(loadPlainEncoder);
}

async function loadTurboEncoder(): Promise<JpegEncoder> {
  const { default: turbo } = await import('@julusian/jpeg-turbo');
  return {
    name: 'jpeg-turbo',
    encode: (pixels, { height, width, channels }) =>
      turbo.compress(Buffer.from(pixels.buffer, pixels.byteOffset, pixels.byteLength), {
        width,
        height,
        format: channels === 1 ? turbo.FORMAT_GRAY : turbo.FORMAT_RGB,
        subsampling: channels === 1 ? turbo.SAMP_GRAY : turbo.SAMP_420,
        quality: QUALITY[channels],
      }),
  };
}

/** Plain JavaScript, in the caller's thread, some 15 times as slow; it makes colour images of grey ones. */
export async function loadPlainEncoder(): Promise<JpegEncoder> {
  const { default: jpegJs } = await import('jpeg-js');
  return {
    name: 'jpeg-js',
    encode: (pixels, { height, width, channels }) =>
      Promise.resolve(jpegJs.encode({ width, height, data: withAlpha(pixels, channels) }, QUALITY[channels]).data),
  };
}

/** The pixels as red, green, blue and opacity. */
function withAlpha(pixels: Uint8Array, channels: 1 | 3): Uint8Array {
  const count = pixels.length / channels;
  const result = new Uint8Array(count * 4).fill(0xff);
  for (let pixel = 0; pixel < count; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      result[pixel * 4 + channel] = pixels[pixel * channels + (channels === 3 ? channel : 0)] ?? 0;
    }
  }
  return result;
}
