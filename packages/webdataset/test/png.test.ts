import { deflateSync, crc32 } from 'node:zlib';
import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { DecodeFault } from '../src/decode/decode-fault.ts';
import { image } from '../src/decode/decoders.ts';
import { decodePng } from '../src/decode/image/png.ts';
import { loadSharp } from '../src/decode/image/sharp.ts';
import { withChannels } from '../src/decode/image/raster.ts';
import { decodeTensor, randomNumbers, WITHOUT_NATIVE } from './decoding.ts';
import { makePixels } from './support.ts';

function chunk(type: string, data: Uint8Array): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}

interface PngSettings {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly colour: number;
  readonly interlaced?: boolean;
}

const SAMPLES: Record<number, number> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

function header({ width, height, depth, colour, interlaced = false }: PngSettings): Buffer {
  const data = Buffer.alloc(13);
  data.writeUInt32BE(width, 0);
  data.writeUInt32BE(height, 4);
  data.set([depth, colour, 0, 0, interlaced ? 1 : 0], 8);
  return chunk('IHDR', data);
}

const START = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
const END = chunk('IEND', new Uint8Array());

/** A PNG of random bytes with random filters: every depth, colour type and interlacing, whatever an encoder would choose. */
function randomPng(settings: PngSettings, seed: number): Buffer {
  const { width, height, depth, colour, interlaced = false } = settings;
  const numbers = randomNumbers(seed);
  const passes = interlaced
    ? [
        [0, 0, 8, 8],
        [4, 0, 8, 8],
        [0, 4, 4, 8],
        [2, 0, 4, 4],
        [0, 2, 2, 4],
        [1, 0, 2, 2],
        [0, 1, 1, 2],
      ]
    : [[0, 0, 1, 1]];
  const rows: Buffer[] = [];
  for (const [left = 0, top = 0, across = 1, down = 1] of passes) {
    const passWidth = Math.max(0, Math.ceil((width - left) / across));
    const passHeight = Math.max(0, Math.ceil((height - top) / down));
    if (passWidth === 0) continue;
    const bytes = Math.ceil((passWidth * SAMPLES[colour]! * depth) / 8);
    for (let y = 0; y < passHeight; y++) {
      rows.push(Buffer.from([numbers.below(5), ...Array.from({ length: bytes }, () => numbers.below(256))]));
    }
  }
  const palette = Buffer.from(Array.from({ length: 3 * 2 ** Math.min(8, depth) }, () => numbers.below(256)));
  const compressed = deflateSync(Buffer.concat(rows));
  const middle = compressed.length >> 1;
  return Buffer.concat([
    START,
    header(settings),
    chunk('tEXt', Buffer.from('Comment\0nothing')),
    ...(colour === 3 ? [chunk('PLTE', palette)] : []),
    chunk('IDAT', compressed.subarray(0, middle)),
    chunk('IDAT', compressed.subarray(middle)),
    END,
  ]);
}

const KINDS = [
  ...[1, 2, 4, 8, 16].map((depth) => ({ colour: 0, depth })),
  ...[8, 16].map((depth) => ({ colour: 2, depth })),
  ...[1, 2, 4, 8].map((depth) => ({ colour: 3, depth })),
  ...[8, 16].map((depth) => ({ colour: 4, depth })),
  ...[8, 16].map((depth) => ({ colour: 6, depth })),
].flatMap((kind) => [
  { ...kind, interlaced: false },
  { ...kind, interlaced: true },
]);

describe('PNG', () => {
  it.each(KINDS)('has the pixels that sharp finds: colour type $colour, $depth bits, interlaced $interlaced', async (kind) => {
    const general = await loadSharp();
    for (const [width, height] of [
      [1, 1],
      [3, 2],
      [13, 17],
      [64, 5],
    ] as const) {
      const bytes = randomPng({ width, height, ...kind }, width * height + kind.depth);
      const expected = withChannels(await general.decode(bytes), 3);
      const actual = withChannels(decodePng(bytes), 3);
      expect(actual).toMatchObject({ width, height });
      expect(Buffer.from(actual.data).equals(expected.data)).toBe(true);
    }
  });

  it('is decoded without a native package, transparency dropped, whatever else the file says', async () => {
    const pixels = makePixels(40, 48, 1);
    const raw = { raw: { width: 40, height: 48, channels: 3 as const } };
    for (const png of [
      await sharp(pixels, raw).png().toBuffer(),
      await sharp(pixels, raw).png({ progressive: true, adaptiveFiltering: true }).toBuffer(),
      await sharp(pixels, raw).ensureAlpha(0.5).png().toBuffer(),
      await sharp(pixels, raw)
        .withExif({ IFD0: { Copyright: 'nobody' } })
        .png()
        .toBuffer(),
    ]) {
      const out = await decodeTensor(image({ height: 48, width: 40 }), png, { codecs: WITHOUT_NATIVE });
      expect(out.equals(pixels)).toBe(true);
    }
  });

  const good = randomPng({ width: 9, height: 7, depth: 8, colour: 2 }, 1);
  const build = (...chunks: Buffer[]): Buffer => Buffer.concat([START, ...chunks]);
  const settings = { width: 4, height: 4, depth: 8, colour: 0 };
  const data = (bytes: number): Buffer => chunk('IDAT', deflateSync(Buffer.alloc(bytes)));

  it.each([
    ['ends early', good.subarray(0, good.length - 20), /ends (inside|before)/],
    ['has a damaged chunk', Buffer.from(good).fill(7, good.length - 30, good.length - 25), /corrupt|ends/],
    ['claims 65,500 x 65,500 pixels', build(header({ ...settings, width: 65_500, height: 65_500 }), data(20), END), /more than the limit/],
    ['has no pixels', build(header({ ...settings, width: 0 }), data(20), END), /no pixels/],
    ['has an impossible depth', build(header({ ...settings, colour: 2, depth: 4 }), data(20), END), /the standard does not know/],
    ['inflates to less', build(header(settings), data(19), END), /19 bytes of pixels instead of 20/],
    ['inflates to more', build(header(settings), data(10_000_000), END), /cannot be inflated/],
    ['names an unknown filter', build(header(settings), chunk('IDAT', deflateSync(Buffer.alloc(20, 9))), END), /filter 9/],
    [
      'uses a colour that is not in its palette',
      build(header({ ...settings, colour: 3 }), chunk('PLTE', Buffer.alloc(6)), chunk('IDAT', deflateSync(Buffer.alloc(20, 3))), END),
      /colour 3 of a palette of 2/,
    ],
    ['has no header', build(data(20), END), /does not start with one header/],
    ['has two headers', build(header(settings), header(settings), data(20), END), /does not start with one header/],
    ['has an unknown critical chunk', build(header(settings), chunk('ABCD', Buffer.alloc(3)), data(20), END), /ABCD/],
    ['has garbage for pixels', build(header(settings), chunk('IDAT', Buffer.alloc(20, 0x33)), END), /cannot be inflated/],
    ['is no PNG', Buffer.from('hello'), /no PNG/],
  ])('fails with the reason when it %s', (_, bytes, message) => {
    expect(() => decodePng(bytes)).toThrow(DecodeFault);
    expect(() => decodePng(bytes)).toThrow(message);
  });

  it('gives pixels or a fault for any damage, and no more memory than its header claims', () => {
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, value, length) => {
        const damaged = Buffer.from(good);
        damaged[at] = value;
        for (const bytes of [damaged, good.subarray(0, length)]) {
          try {
            const { width, height, channels, data: pixels } = decodePng(bytes);
            expect(pixels).toHaveLength(width * height * channels);
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeFault);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});
