import jpegJs from 'jpeg-js';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { DecodeFault } from '../src/decode/decode-fault.ts';
import { image } from '../src/decode/decoders.ts';
import type { CodecLoaders } from '../src/decode/image/image-codecs.ts';
import { readJpegHeader } from '../src/decode/image/jpeg-header.ts';
import type { Raster } from '../src/decode/image/raster.ts';
import { ALL_CODECS, decodeOne, decodeTensor, meanDifference, WITHOUT_NATIVE, WITHOUT_TURBO } from './decoding.ts';
import { makeJpeg, makePixels } from './support.ts';

const CHAINS: [string, CodecLoaders][] = [
  ['all decoders', ALL_CODECS],
  ['sharp and jpeg-js', WITHOUT_TURBO],
  ['jpeg-js alone', WITHOUT_NATIVE],
];

const raw = { raw: { width: 40, height: 48, channels: 3 as const } };

/** Colour to grey, as ITU-R BT.601. */
function luma(rgb: Uint8Array): Uint8Array {
  return Uint8Array.from({ length: rgb.length / 3 }, (_, pixel) =>
    Math.round(0.299 * rgb[pixel * 3]! + 0.587 * rgb[pixel * 3 + 1]! + 0.114 * rgb[pixel * 3 + 2]!),
  );
}

describe.each(CHAINS)('images, with %s', (_, codecs) => {
  const size = { height: 48, width: 40 };
  const pixels = makePixels(40, 48, 1);

  it('decodes a JPEG of the right size to its pixels', async () => {
    expect(meanDifference(await decodeTensor(image(size), makeJpeg(40, 48, 1), { codecs }), pixels)).toBeLessThan(2);
  });

  it('decodes progressive JPEG', async () => {
    const bytes = await sharp(pixels, raw).jpeg({ progressive: true, quality: 95, chromaSubsampling: '4:4:4' }).toBuffer();
    expect(meanDifference(await decodeTensor(image(size), bytes, { codecs }), pixels)).toBeLessThan(2);
  });

  it('decodes a single pixel', async () => {
    const [red, green, blue] = makePixels(1, 1, 1);
    const one = await decodeTensor(image({ height: 1, width: 1 }), makeJpeg(1, 1, 1), { codecs });
    expect(meanDifference(one, [red!, green!, blue!])).toBeLessThan(4);
    const spread = await decodeTensor(image({ height: 3, width: 5 }), makeJpeg(1, 1, 1), { codecs });
    expect([...spread]).toEqual(Array.from({ length: 15 }, () => [...one]).flat());
  });

  it('makes colour of grey and grey of colour', async () => {
    const grey = makePixels(40, 48, 2, 1);
    const colour = Uint8Array.from({ length: grey.length * 3 }, (_unused, index) => grey[Math.floor(index / 3)]!);
    const greyJpeg = makeJpeg(40, 48, 2, 1);
    expect(meanDifference(await decodeTensor(image(size), greyJpeg, { codecs }), colour)).toBeLessThan(2);
    expect(meanDifference(await decodeTensor(image({ ...size, channels: 1 }), greyJpeg, { codecs }), grey)).toBeLessThan(2);
    expect(meanDifference(await decodeTensor(image({ ...size, channels: 1 }), makeJpeg(40, 48, 1), { codecs }), luma(pixels))).toBeLessThan(
      2,
    );
  });

  it('keeps the size and the channels of an image where none are asked', async () => {
    expect(await decodeOne(image(), makeJpeg(17, 9, 1), codecs)).toMatchObject({ width: 17, height: 9, channels: 3 });
    const colour = (await decodeOne(image({ channels: 3 }), makeJpeg(17, 9, 1, 1), codecs)) as Raster;
    expect(colour).toMatchObject({ width: 17, height: 9, channels: 3 });
    expect(colour.data).toHaveLength(17 * 9 * 3);
  });

  it('decodes CMYK JPEG', async () => {
    const bytes = await sharp(pixels, raw).toColourspace('cmyk').jpeg({ quality: 95 }).toBuffer();
    expect(readJpegHeader(bytes)).toMatchObject({ components: 4 });
    // The way there and back through a colour profile changes colours; the picture is still the same.
    expect(meanDifference(await decodeTensor(image(size), bytes, { codecs }), pixels)).toBeLessThan(60);
  });

  it('ignores the colour profile of an RGB image, as Python does', async () => {
    const plain = await sharp(pixels, raw).jpeg({ quality: 95, chromaSubsampling: '4:4:4' }).toBuffer();
    const bytes = await sharp(plain)
      .withIccProfile('p3', { attach: true })
      .keepIccProfile()
      .jpeg({ quality: 95, chromaSubsampling: '4:4:4' })
      .toBuffer();
    expect(bytes.includes('ICC_PROFILE')).toBe(true);
    const { data } = jpegJs.decode(bytes, { useTArray: true, formatAsRGBA: false });
    expect(meanDifference(await decodeTensor(image(size), bytes, { codecs }), data)).toBeLessThan(1.5);
  });

  it.each([
    ['cut off', (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1)],
    ['cut off in its header', (bytes: Buffer) => bytes.subarray(0, 20)],
    ['garbled', (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 300), Buffer.alloc(bytes.length, 0xd8)])],
    ['empty', () => Buffer.alloc(0)],
    ['garbage', () => Buffer.alloc(500, 'garbage')],
    ['a claim of 65,500 x 65,500 pixels', (bytes: Buffer) => claimSize(bytes, 65_500)],
  ])('fails for a JPEG that is %s, and says why', async (_kind, damage) => {
    const error: unknown = await decodeTensor(image(size), damage(makeJpeg(40, 48, 1)), { codecs }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DecodeFault);
    expect((error as Error).message).not.toMatch(/No error|\n/);
    expect((error as Error).message.length).toBeGreaterThan(10);
  });

  it('agrees with every other decoder within a few levels, with colour at half resolution too', async () => {
    for (const chromaSubsampling of ['4:4:4', '4:2:0']) {
      const bytes = await sharp(pixels, raw).jpeg({ quality: 85, chromaSubsampling }).toBuffer();
      const turbo = await decodeTensor(image(size), bytes);
      const other = await decodeTensor(image(size), bytes, { codecs });
      expect(meanDifference(other, turbo)).toBeLessThan(1.5);
      expect(Math.max(...other.map((level, index) => Math.abs(level - turbo[index]!)))).toBeLessThan(20);
    }
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
  it('are decoded by sharp: WebP, GIF and TIFF, transparency dropped', async () => {
    const pixels = makePixels(40, 48, 1);
    const size = { height: 48, width: 40 };
    const opaque = await sharp(pixels, raw).webp({ lossless: true }).toBuffer();
    expect(meanDifference(await decodeTensor(image(size), opaque), pixels)).toBe(0);
    const transparent = await sharp(pixels, raw).ensureAlpha(0.5).webp({ lossless: true }).toBuffer();
    expect(meanDifference(await decodeTensor(image(size), transparent), pixels)).toBe(0);
    expect(meanDifference(await decodeTensor(image(size), await sharp(pixels, raw).tiff({ compression: 'lzw' }).toBuffer()), pixels)).toBe(
      0,
    );
    expect(meanDifference(await decodeTensor(image(size), await sharp(pixels, raw).gif().toBuffer()), pixels)).toBeLessThan(10);
  });

  it('need sharp, and the message says so', async () => {
    const webp = await sharp(makePixels(40, 48, 1), raw)
      .webp()
      .toBuffer();
    await expect(decodeOne(image(), webp, WITHOUT_NATIVE)).rejects.toThrow(/WebP.*"sharp".*did not load: Cannot find package/);
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
