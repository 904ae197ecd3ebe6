import jpegJs from 'jpeg-js';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { type CodecLoaders, ImageDecoder, type ImageShape } from '../src/decode/image.ts';
import { readJpegHeader } from '../src/decode/jpeg-header.ts';
import { loadJpegJs } from '../src/decode/jpeg-js.ts';
import { loadJpegTurbo } from '../src/decode/jpeg-turbo.ts';
import { decodeLabel } from '../src/decode/label.ts';
import { DecodeFault } from '../src/decode/raster.ts';
import { resizeToCover } from '../src/decode/resize.ts';
import { loadSharp } from '../src/decode/sharp.ts';
import { makeJpeg, makePixels } from './support.ts';

const missing = (): Promise<never> => Promise.reject(new Error("Cannot find package 'x'"));
const ALL: CodecLoaders = { jpegTurbo: loadJpegTurbo, sharp: loadSharp, jpegJs: loadJpegJs };
const CHAINS: [string, CodecLoaders][] = [
  ['all decoders', ALL],
  ['sharp and jpeg-js', { ...ALL, jpegTurbo: missing }],
  ['jpeg-js alone', { ...ALL, jpegTurbo: missing, sharp: missing }],
];

async function decodeTo(shape: ImageShape, bytes: Buffer, loaders: CodecLoaders = ALL): Promise<Buffer> {
  const decoder = await ImageDecoder.create(loaders);
  // Loaders decode into shared memory.
  const target = Buffer.from(new SharedArrayBuffer(shape.height * shape.width * shape.channels));
  if (!decoder.tryDecodeInto(bytes, shape, target)) await decoder.decodeOtherInto(bytes, shape, target);
  return target;
}

function meanDifference(a: Uint8Array, b: Uint8Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((sum, value, index) => sum + Math.abs(value - b[index]!), 0) / a.length;
}

/** Colour to grey, as ITU-R BT.601. */
function luma(rgb: Uint8Array): Uint8Array {
  return Uint8Array.from({ length: rgb.length / 3 }, (_, pixel) =>
    Math.round(0.299 * rgb[pixel * 3]! + 0.587 * rgb[pixel * 3 + 1]! + 0.114 * rgb[pixel * 3 + 2]!),
  );
}

describe.each(CHAINS)('images, with %s', (_, loaders) => {
  const shape = { height: 48, width: 40, channels: 3 } as const;
  const pixels = makePixels(40, 48, 1);

  it('decodes a JPEG of the right size to its pixels', async () => {
    expect(meanDifference(await decodeTo(shape, makeJpeg(40, 48, 1), loaders), pixels)).toBeLessThan(2);
  });

  it('decodes progressive JPEG', async () => {
    const bytes = await sharp(pixels, { raw: { width: 40, height: 48, channels: 3 } })
      .jpeg({ progressive: true, quality: 95, chromaSubsampling: '4:4:4' })
      .toBuffer();
    expect(meanDifference(await decodeTo(shape, bytes, loaders), pixels)).toBeLessThan(2);
  });

  it('makes colour of grey and grey of colour', async () => {
    const grey = makePixels(40, 48, 2, 1);
    const colour = Uint8Array.from({ length: grey.length * 3 }, (_unused, index) => grey[Math.floor(index / 3)]!);
    expect(meanDifference(await decodeTo(shape, makeJpeg(40, 48, 2, 1), loaders), colour)).toBeLessThan(2);
    expect(meanDifference(await decodeTo({ ...shape, channels: 1 }, makeJpeg(40, 48, 2, 1), loaders), grey)).toBeLessThan(2);
    expect(meanDifference(await decodeTo({ ...shape, channels: 1 }, makeJpeg(40, 48, 1), loaders), luma(pixels))).toBeLessThan(2);
  });

  it('decodes CMYK JPEG', async () => {
    const bytes = await sharp(pixels, { raw: { width: 40, height: 48, channels: 3 } })
      .toColourspace('cmyk')
      .jpeg({ quality: 95 })
      .toBuffer();
    expect(readJpegHeader(bytes)).toMatchObject({ components: 4 });
    // The way there and back through a colour profile changes colours; the picture is still the same.
    expect(meanDifference(await decodeTo(shape, bytes, loaders), pixels)).toBeLessThan(60);
  });

  it('scales other sizes to cover the shape and cuts the middle out', async () => {
    const wide = await decodeTo({ height: 24, width: 24, channels: 3 }, makeJpeg(96, 48, 3), loaders);
    const expected = await sharp(makePixels(96, 48, 3), { raw: { width: 96, height: 48, channels: 3 } })
      .extract({ left: 24, top: 0, width: 48, height: 48 })
      .resize(24, 24, { kernel: 'linear' })
      .raw()
      .toBuffer();
    expect(meanDifference(wide, expected)).toBeLessThan(2);
  });

  it.each([
    ['cut off', (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1)],
    ['cut off in its header', (bytes: Buffer) => bytes.subarray(0, 20)],
    ['garbled', (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 300), Buffer.alloc(bytes.length, 0xd8)])],
    ['empty', () => Buffer.alloc(0)],
    ['garbage', () => Buffer.alloc(500, 'garbage')],
    ['a claim of 65,500 x 65,500 pixels', (bytes: Buffer) => claimSize(bytes, 65_500)],
  ])('fails for a JPEG that is %s, and says why', async (_kind, damage) => {
    const error: unknown = await decodeTo(shape, damage(makeJpeg(40, 48, 1)), loaders).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DecodeFault);
    expect((error as Error).message).not.toMatch(/No error|\n/);
    expect((error as Error).message.length).toBeGreaterThan(10);
  });

  it('goes on after a fault', async () => {
    const decoder = await ImageDecoder.create(loaders);
    const target = Buffer.alloc(48 * 40 * 3);
    const bad = makeJpeg(40, 48, 1).subarray(0, 700);
    expect(decoder.tryDecodeInto(bad, shape, target)).toBe(false);
    await expect(decoder.decodeOtherInto(bad, shape, target)).rejects.toBeInstanceOf(DecodeFault);
    await decoder.decodeOtherInto(makeJpeg(40, 48, 1), shape, target);
    expect(meanDifference(target, pixels)).toBeLessThan(2);
  });
});

/** Writes another size into the frame header. */
function claimSize(bytes: Buffer, size: number): Buffer {
  const copy = Buffer.from(bytes);
  const frame = copy.indexOf(Buffer.from([0xff, 0xc0]));
  copy.writeUInt16BE(size, frame + 5);
  copy.writeUInt16BE(size, frame + 7);
  return copy;
}

describe('other images', () => {
  const raw = { raw: { width: 40, height: 48, channels: 3 as const } };
  const shape = { height: 48, width: 40, channels: 3 } as const;

  it('are decoded by sharp: PNG, with transparency too, and WebP', async () => {
    const pixels = makePixels(40, 48, 1);
    expect(meanDifference(await decodeTo(shape, await sharp(pixels, raw).png().toBuffer()), pixels)).toBe(0);
    expect(meanDifference(await decodeTo(shape, await sharp(pixels, raw).ensureAlpha(0.5).png().toBuffer()), pixels)).toBe(0);
    expect(meanDifference(await decodeTo(shape, await sharp(pixels, raw).webp({ lossless: true }).toBuffer()), pixels)).toBe(0);
    const grey = makePixels(40, 48, 1, 1);
    const greyPng = await sharp(grey, { raw: { width: 40, height: 48, channels: 1 } })
      .toColourspace('b-w')
      .png()
      .toBuffer();
    expect(meanDifference(await decodeTo({ ...shape, channels: 1 }, greyPng), grey)).toBe(0);
  });

  it('need sharp, and the message says so', async () => {
    const png = await sharp(makePixels(40, 48, 1), raw)
      .png()
      .toBuffer();
    await expect(decodeTo(shape, png, { ...ALL, jpegTurbo: missing, sharp: missing })).rejects.toThrow(
      /"sharp".*did not load: Cannot find package/,
    );
  });
});

describe('readJpegHeader', () => {
  it('agrees with jpeg-js on size', () => {
    for (const [width, height] of [
      [1, 1],
      [17, 5],
      [640, 480],
    ] as const) {
      const bytes = makeJpeg(width, height, 1);
      expect(readJpegHeader(bytes)).toEqual({ width, height, components: 3 });
      expect(jpegJs.decode(bytes)).toMatchObject({ width, height });
    }
  });

  it('ends on any bytes', () => {
    const bytes = makeJpeg(20, 20, 1);
    for (let length = 0; length < bytes.length; length++) readJpegHeader(bytes.subarray(0, length));
    for (let at = 2; at < 200; at++) {
      for (const value of [0, 0xff, 0x80]) {
        const damaged = Buffer.from(bytes);
        damaged[at] = value;
        readJpegHeader(damaged);
      }
    }
  });
});

describe('resizeToCover', () => {
  const reference = async (width: number, height: number, toWidth: number, toHeight: number): Promise<number> => {
    const data = makePixels(width, height, 5);
    const target = new Uint8Array(toWidth * toHeight * 3);
    resizeToCover({ width, height, channels: 3, data }, toHeight, toWidth, target);
    const expected = await sharp(data, { raw: { width, height, channels: 3 } })
      .resize(toWidth, toHeight, { fit: 'cover', kernel: 'linear' })
      .raw()
      .toBuffer();
    return meanDifference(target, expected);
  };

  it.each([
    [100, 100, 50, 50],
    [100, 100, 33, 33],
    [200, 100, 50, 50],
    [100, 200, 50, 50],
    [64, 64, 128, 128],
    [31, 77, 20, 20],
    [640, 480, 224, 224],
  ])('agrees with sharp from %i x %i to %i x %i', async (...sizes) => {
    expect(await reference(...sizes)).toBeLessThan(4);
  });

  it('keeps a flat picture flat, at every size', () => {
    for (let size = 1; size < 40; size++) {
      for (let to = 1; to < 40; to += 3) {
        const target = new Uint8Array(to * (to + 2) * 3);
        resizeToCover(
          { width: size, height: size + 3, channels: 3, data: new Uint8Array(size * (size + 3) * 3).fill(200) },
          to + 2,
          to,
          target,
        );
        expect(target.every((value) => value === 200)).toBe(true);
      }
    }
  });

  it('averages what it shrinks, instead of picking pixels', () => {
    const data = Uint8Array.from({ length: 64 * 64 }, (_, index) => ((index + Math.floor(index / 64)) % 2) * 255);
    const target = new Uint8Array(16);
    resizeToCover({ width: 64, height: 64, channels: 1, data }, 4, 4, target);
    for (const value of target) expect(Math.abs(value - 127.5)).toBeLessThan(2);
  });
});

describe('decodeLabel', () => {
  it.each([
    ['3', 3],
    ['0012', 12],
    [' 7\n', 7],
    ['-1', -1],
    ['+5', 5],
    ['2147483647', 2147483647],
    ['-2147483648', -2147483648],
  ])('reads %j', (text, label) => {
    expect(decodeLabel(Buffer.from(text), {})).toBe(label);
  });

  it.each(['', ' ', 'cat', '1.5', '1e3', '0x10', '3 4', '2147483648', 'NaN', '1'.repeat(100), ' '.repeat(100) + '1'])(
    'refuses %j',
    (text) => {
      expect(() => decodeLabel(Buffer.from(text), { shard: 's.tar', key: 'k' })).toThrow(
        expect.objectContaining({ code: 'WDS_LABEL', shard: 's.tar', key: 'k' }),
      );
    },
  );
});
