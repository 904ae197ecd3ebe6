import type { ImageLayout } from './image-spec.ts';

/** The memory of pixels: levels 0 to 255, or floating-point numbers. */
export type Pixels = Uint8Array | Float32Array;

/** The shape of an image. */
export interface ImageShape {
  /** Rows. */
  readonly height: number;
  /** Pixels a row. */
  readonly width: number;
  /** 1 is grey, 3 is RGB. */
  readonly channels: 1 | 3;
}

/** One image of a fixed size. */
export interface Image<Data extends Pixels = Uint8Array> extends ImageShape {
  /** `nhwc`: rows of pixels of channels; `nchw`: a plane of rows for each channel. */
  readonly layout: ImageLayout;
  readonly data: Data;
}

/** The images of a batch, all of one size. */
export interface ImageTensor<Data extends Pixels = Uint8Array> {
  /** Images, height, width, channels; or images, channels, height, width. */
  readonly shape: readonly [number, number, number, number];
  readonly layout: ImageLayout;
  readonly data: Data;
}
