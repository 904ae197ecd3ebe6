/** Builders of decoders. What they return is plain data, so that worker threads can run it. */
import type { DecodeContext } from './decode-context.ts';
import type { Decoder, DecoderSpec, FieldSource } from './decoder.ts';
import { checkFit } from './image/check-fit.ts';
import type { Crop, ImageFit, ImageLayout, PixelType, Resize } from './image/image-spec.ts';
import type { Image, ImageTensor } from './image/image-value.ts';
import type { NpyArray } from './npy.ts';
import type { Raster } from './image/raster.ts';

/** Where a field's bytes come from. */
export interface FromOptions {
  /** Extensions, the preferred first: the first one that a sample has is decoded. Default: the name that the decoder is given. */
  readonly from?: readonly string[];
}

/** Options of {@link image} without a size. */
export interface RasterOptions extends FromOptions {
  /** 1 is grey, 3 is RGB. Default: as the image has it. */
  readonly channels?: 1 | 3;
  readonly height?: undefined;
  readonly width?: undefined;
}

/** Options of {@link image} with a size. */
export interface ImageOptions<Type extends PixelType = PixelType> extends FromOptions {
  /** Rows. */
  readonly height: number;
  /** Pixels a row. */
  readonly width: number;
  /** 1 is grey, 3 is RGB. Default 3. */
  readonly channels?: 1 | 3;
  /** Order of the dimensions. Default `'nhwc'`. */
  readonly layout?: ImageLayout;
  /** `'uint8'`: levels 0 to 255; `'float32'`: levels divided by 255, then normalised by `mean` and `std`. Default `'uint8'`. */
  readonly type?: Type;
  /** How the picture is scaled. Default `'cover'`. */
  readonly resize?: Resize;
  /** Black pixels put around the scaled picture, on each side, before a part is cut out. Default 0. */
  readonly pad?: number;
  /** Which part is kept. Default `'center'`. */
  readonly crop?: Crop;
  /** Mirrors every second picture, left to right, by chance. Default false. */
  readonly flip?: boolean;
  /** Subtracted from the values 0 to 1, per channel. Default 0. */
  readonly mean?: readonly number[];
  /** What divides them then, per channel. Default 1. */
  readonly std?: readonly number[];
}

/** The memory of a {@link PixelType}. */
export type PixelsOf<Type extends PixelType> = Type extends 'float32' ? Float32Array : Uint8Array;

/**
 * Images (JPEG, PNG; WebP, GIF and TIFF with the optional package `sharp`). With a size, all become that size and a batch is one
 * tensor; without, each keeps its own.
 *
 * Everything left to chance is drawn from (seed, epoch, key).
 *
 * @throws RangeError for options that contradict each other
 */
export function image(options?: RasterOptions): Decoder<Raster>;
export function image<const Type extends PixelType = 'uint8'>(
  options: ImageOptions<Type>,
): Decoder<Image<PixelsOf<Type>>, ImageTensor<PixelsOf<Type>>>;
export function image(options: RasterOptions | ImageOptions = {}): Decoder<unknown, unknown> {
  const from = sourceOf(options);
  if (options.height === undefined) return { kind: 'image', channels: options.channels, fit: undefined, ...from };
  const { height, width, channels = 3, layout = 'nhwc', type = 'uint8', resize = 'cover' } = options;
  const { pad = 0, crop = 'center', flip = false, mean, std } = options;
  const fit: ImageFit = { height, width, channels, layout, type, resize, pad, crop, flip, mean, std };
  checkFit(fit, options.resize !== undefined);
  return { kind: 'image', channels, fit, ...from };
}

/** An integer of 32 bits in ASCII, as class labels are. A batch has them as `Int32Array`. */
export function integer(options: FromOptions = {}): Decoder<number, Int32Array> {
  return { kind: 'integer', ...sourceOf(options) };
}

/** Text in UTF-8. */
export function text(options: FromOptions = {}): Decoder<string> {
  return { kind: 'text', ...sourceOf(options) };
}

/** JSON. `Value` is the caller's promise of what the data holds; it is not checked. */
export function json<Value = unknown>(options: FromOptions = {}): Decoder<Value> {
  return { kind: 'json', ...sourceOf(options) };
}

/** NumPy arrays (`.npy`). */
export function npy(options: FromOptions = {}): Decoder<NpyArray> {
  return { kind: 'npy', ...sourceOf(options) };
}

/** MessagePack. `Value` is the caller's promise of what the data holds; it is not checked. */
export function msgpack<Value = unknown>(options: FromOptions = {}): Decoder<Value> {
  return { kind: 'msgpack', ...sourceOf(options) };
}

/** The bytes as they are, copied. */
export function bytes(options: FromOptions = {}): Decoder<Uint8Array> {
  return { kind: 'bytes', ...sourceOf(options) };
}

/** The same, but a sample without the field has `undefined` instead of being at fault. A batch is an array with holes, never a tensor. */
export function optional<Sample>(decoder: Decoder<Sample, unknown>): Decoder<Sample | undefined> {
  const untyped: DecoderSpec & FieldSource = decoder;
  return { ...untyped, optional: true };
}

/**
 * A decoder of one's own. It runs where all decoders run, in worker threads, which no closure can reach; so it is a module.
 *
 * @param url of a module whose default export is a {@link ModuleDecoder}, as in `new URL('./my-decoder.js', import.meta.url)`
 * @param options handed to it with every field, as `context.options`; anything that can be sent to a worker thread
 */
export function fromModule<Value>(url: URL | string, options: FromOptions & { readonly options?: unknown } = {}): Decoder<Value> {
  return { kind: 'module', url: url.toString(), options: options.options, ...sourceOf(options) };
}

/**
 * The default export of a module for {@link fromModule}. What it throws is a fault of the sample.
 *
 * @param bytes the field; in memory that is used again after the call, so a value must not keep views of it
 */
export type ModuleDecoder<Value> = (bytes: Buffer, context: DecodeContext & { readonly options: unknown }) => Value | Promise<Value>;

function sourceOf({ from }: FromOptions): FromOptions {
  return from === undefined ? {} : { from };
}
