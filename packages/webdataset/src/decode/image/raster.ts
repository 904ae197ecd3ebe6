/** Decoded pixels: rows from the top, pixels from the left, `channels` bytes a pixel. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  /** 1 is grey, 3 is RGB. */
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
}

/** Decodes an image of any size to pixels of its own. */
export interface RasterDecoder {
  /** @throws {@link DecodeFault} when the bytes are corrupt or of a kind that it cannot read; the message says why */
  decode(bytes: Buffer): Promise<Raster>;
}

/** A rectangle of a raster, or of any other block of pixels. */
export interface PixelView {
  readonly data: Uint8Array;
  /** Of the first pixel. */
  readonly offset: number;
  /** Bytes from one row to the next. */
  readonly stride: number;
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
}

/**
 * Largest image that is decoded: a header of a few bytes may claim 65,535 x 65,535 pixels, which would take 12 GiB. No camera in
 * data sets reaches this.
 */
export const MAX_PIXELS = 100_000_000;

/** The same picture with the channels wanted. Grey is the luma of ITU-R BT.601, in the fixed-point arithmetic of Pillow's `convert('L')`. */
export function withChannels(raster: Raster, channels: 1 | 3): Raster {
  if (raster.channels === channels) return raster;
  const { width, height, data } = raster;
  const pixels = width * height;
  const out = new Uint8Array(pixels * channels);
  if (channels === 3) {
    for (let pixel = 0; pixel < pixels; pixel++) out.fill(data[pixel] ?? 0, pixel * 3, pixel * 3 + 3);
  } else {
    for (let pixel = 0, at = 0; pixel < pixels; pixel++, at += 3) {
      out[pixel] = (19595 * (data[at] ?? 0) + 38470 * (data[at + 1] ?? 0) + 7471 * (data[at + 2] ?? 0) + 0x8000) >> 16;
    }
  }
  return { width, height, channels, data: out };
}

/** A rectangle of a raster; the whole of it by default. */
export function viewOf(
  { data, width, height, channels }: Raster,
  part: { left: number; top: number; width: number; height: number } = { left: 0, top: 0, width, height },
): PixelView {
  const stride = width * channels;
  return { data, offset: part.top * stride + part.left * channels, stride, width: part.width, height: part.height, channels };
}
