/** What an image is decoded to. */
export interface ImageSpec {
  readonly kind: 'image';
  /** 1 is grey, 3 is RGB; undefined leaves it as the image has it. */
  readonly channels: 1 | 3 | undefined;
  /** How it becomes one size; undefined leaves each image its own. */
  readonly fit: ImageFit | undefined;
}

/** From an image of any size to a tensor of one. */
export interface ImageFit {
  readonly height: number;
  readonly width: number;
  readonly channels: 1 | 3;
  readonly layout: ImageLayout;
  readonly type: PixelType;
  readonly resize: Resize;
  readonly pad: number;
  readonly crop: Crop;
  readonly flip: boolean;
  /** Per channel, of values 0 to 1. */
  readonly mean: readonly number[] | undefined;
  readonly std: readonly number[] | undefined;
}

/** Order of a tensor's dimensions: batch, height, width, channels; or batch, channels, height, width. */
export type ImageLayout = 'nhwc' | 'nchw';

/** Type of a tensor's elements. */
export type PixelType = 'uint8' | 'float32';

/**
 * How a picture is scaled before it is cut:
 *
 * - `'cover'`: with its aspect kept, until it just covers height x width.
 * - `'stretch'`: to exactly height x width; nothing is left to cut.
 * - a number: with its aspect kept, until its shorter side has this many pixels (torchvision's `Resize(number)`).
 */
export type Resize = 'cover' | 'stretch' | number;

/**
 * Which part of the scaled picture is kept:
 *
 * - `'center'`: the middle.
 * - `'random'`: any part, each equally likely.
 * - {@link RandomResizedCrop}: a random part of the picture as it was, which is then scaled.
 */
export type Crop = 'center' | 'random' | RandomResizedCrop;

/**
 * A part of random area and aspect, scaled to height x width (torchvision's `RandomResizedCrop`; the ImageNet training of most
 * published models uses scale 0.08 to 1 and ratio 3/4 to 4/3).
 */
export interface RandomResizedCrop {
  /** Least and largest share of the picture's area. Default 0.08 to 1. */
  readonly scale?: readonly [number, number];
  /** Least and largest width to height. Default 3/4 to 4/3. */
  readonly ratio?: readonly [number, number];
}
