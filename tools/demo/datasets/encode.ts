import jpegTurbo from '@julusian/jpeg-turbo';
import type { DataSet, RawImage } from './data-set.ts';

/** Small grey images lose too much at the quality that is usual for photographs; colour at half resolution is not visible. */
const QUALITY = { 1: 95, 3: 85 } as const;

/** Images that are in the encoder's threads at a time: enough to keep all of them busy while the next ones are painted. */
const IN_FLIGHT = 32;

/** One image as JPEG. */
export interface EncodedImage {
  readonly jpeg: Uint8Array;
  readonly label: number;
}

/** Encodes images as JPEG in libuv's threads, in order. */
export async function* encodeImages(images: Iterable<RawImage>, dataSet: DataSet): AsyncGenerator<EncodedImage> {
  const pending: Promise<EncodedImage>[] = [];
  try {
    for (const image of images) {
      pending.push(encode(image, dataSet));
      const first = pending.length >= IN_FLIGHT ? pending.shift() : undefined;
      if (first !== undefined) yield await first;
    }
    for (let first = pending.shift(); first !== undefined; first = pending.shift()) yield await first;
  } finally {
    // A consumer that leaves early must not leave a rejection behind that nobody handles.
    await Promise.allSettled(pending);
  }
}

async function encode({ pixels, label }: RawImage, { width, height, channels }: DataSet): Promise<EncodedImage> {
  const buffer = Buffer.from(pixels.buffer, pixels.byteOffset, pixels.byteLength);
  const jpeg = await jpegTurbo.compress(buffer, {
    width,
    height,
    format: channels === 1 ? jpegTurbo.FORMAT_GRAY : jpegTurbo.FORMAT_RGB,
    subsampling: channels === 1 ? jpegTurbo.SAMP_GRAY : jpegTurbo.SAMP_420,
    quality: QUALITY[channels],
  });
  return { jpeg, label };
}
