import type { ImageShape } from '../decode/image/image-value.ts';
import { loadJpegEncoder } from './jpeg-encoders.ts';

/** One image before it is encoded. */
export interface RawImage {
  /** `height * width * channels` bytes, row by row, the channels of a pixel side by side. */
  readonly pixels: Uint8Array;
  /** Class, counted from 0. */
  readonly label: number;
}

/** One image as JPEG. */
export interface EncodedImage {
  readonly jpeg: Uint8Array;
  /** Class, counted from 0. */
  readonly label: number;
}

/** Images that are in the encoder's threads at a time: enough to keep all of them busy while the next ones are painted. */
const IN_FLIGHT = 32;

/** Encodes images of one shape as JPEG, in order, with the best encoder at hand. */
export async function* encodeImages(images: Iterable<RawImage>, shape: ImageShape): AsyncGenerator<EncodedImage, void> {
  const encoder = await loadJpegEncoder();
  const encode = async ({ pixels, label }: RawImage): Promise<EncodedImage> => ({ jpeg: await encoder.encode(pixels, shape), label });
  const pending: Promise<EncodedImage>[] = [];
  try {
    for (const image of images) {
      pending.push(encode(image));
      const first = pending.length >= IN_FLIGHT ? pending.shift() : undefined;
      if (first !== undefined) yield await first;
    }
    for (let first = pending.shift(); first !== undefined; first = pending.shift()) yield await first;
  } finally {
    // A consumer that leaves early must not leave a rejection behind that nobody handles.
    await Promise.allSettled(pending);
  }
}
