import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { image } from '../src/decode/decoders.ts';
import { place } from '../src/decode/image/crop.ts';
import { ImageFitter } from '../src/decode/image/image-fitter.ts';
import type { ImageFit } from '../src/decode/image/image-spec.ts';
import { type Raster, viewOf, withChannels } from '../src/decode/image/raster.ts';
import { type Region, Resizer } from '../src/decode/image/resize.ts';
import { debianPython, hasPythonModule } from './debian-python.ts';
import { decodeTensor, randomNumbers } from './decoding.ts';
import { makeJpeg } from './support.ts';

/** Uniform noise: no two pixels are alike, so a wrong place shows. */
function noise(width: number, height: number, channels: 1 | 3, seed = 1): Raster {
  const numbers = randomNumbers(seed);
  return { width, height, channels, data: Uint8Array.from({ length: width * height * channels }, () => numbers.uint32() & 255) };
}

const DEFAULTS: ImageFit = {
  height: 1,
  width: 1,
  channels: 3,
  layout: 'nhwc',
  type: 'uint8',
  resize: 'cover',
  pad: 0,
  crop: 'center',
  flip: false,
  mean: undefined,
  std: undefined,
};

function fitWith(settings: Partial<ImageFit>, picture: Raster, seed = 1): Buffer {
  const fit: ImageFit = { ...DEFAULTS, channels: picture.channels, ...settings };
  const target = Buffer.from(new ArrayBuffer(fit.height * fit.width * fit.channels * (fit.type === 'float32' ? 4 : 1))).fill(0x55);
  new ImageFitter(fit).fit(picture, () => randomNumbers(seed), target);
  return target;
}

function resize(picture: Raster, region: Region, width: number, height: number): Uint8Array {
  const data = new Uint8Array(width * height * picture.channels);
  new Resizer().resize(viewOf(picture), region, viewOf({ width, height, channels: picture.channels, data }));
  return data;
}

const whole = ({ width, height }: Raster): Region => ({ left: 0, top: 0, width, height });

const sizes = fc.integer({ min: 1, max: 40 });
const channels = fc.constantFrom(1 as const, 3 as const);
const seeds = fc.nat(1_000_000);

describe('scaling', () => {
  /** The definition: each target pixel is the mean of the picture under a triangle around its centre. */
  function naive(picture: Raster, region: Region, width: number, height: number): number[] {
    const triangle = (start: number, length: number, count: number, at: number, limit: number): [number, number][] => {
      const scale = length / count;
      const centre = start + (at + 0.5) * scale;
      const weights = Array.from({ length: limit }, (_, source): [number, number] => [
        source,
        Math.max(0, 1 - Math.abs(source + 0.5 - centre) / Math.max(1, scale)),
      ]);
      const total = weights.reduce((sum, [, weight]) => sum + weight, 0);
      return weights.filter(([, weight]) => weight > 0).map(([source, weight]) => [source, weight / total]);
    };
    const out: number[] = [];
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        for (let channel = 0; channel < picture.channels; channel++) {
          let sum = 0;
          for (const [row, down] of triangle(region.top, region.height, height, y, picture.height)) {
            for (const [column, across] of triangle(region.left, region.width, width, x, picture.width)) {
              sum += down * across * picture.data[(row * picture.width + column) * picture.channels + channel]!;
            }
          }
          out.push(sum);
        }
      }
    }
    return out;
  }

  it('is the mean under a triangle, for any part of any picture', () => {
    const part = fc
      .tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 1, noNaN: true }))
      .filter(([a, b]) => Math.abs(a - b) > 0.01);
    fc.assert(
      fc.property(
        sizes,
        sizes,
        channels,
        seeds,
        part,
        part,
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 12 }),
        (...drawn) => {
          const [width, height, channelCount, seed, [a, b], [c, d], toWidth, toHeight] = drawn;
          const picture = noise(width, height, channelCount, seed);
          const region = {
            left: Math.min(a, b) * width,
            width: Math.abs(a - b) * width,
            top: Math.min(c, d) * height,
            height: Math.abs(c - d) * height,
          };
          const expected = naive(picture, region, toWidth, toHeight);
          // Two roundings, one for each direction.
          resize(picture, region, toWidth, toHeight).forEach((level, index) =>
            expect(Math.abs(level - expected[index]!)).toBeLessThan(1.01),
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  it.skipIf(!hasPythonModule('PIL'))("equals Pillow's BILINEAR bit by bit", () => {
    const cases = [
      { width: 100, height: 60, region: [0, 0, 100, 60], to: [37, 41], channels: 3 },
      { width: 100, height: 60, region: [12.5, 3.25, 70, 50.5], to: [20, 20], channels: 3 },
      { width: 31, height: 77, region: [0, 0, 31, 77], to: [64, 128], channels: 1 },
      { width: 9, height: 5, region: [1, 1, 3.3, 2.2], to: [50, 7], channels: 3 },
      { width: 640, height: 480, region: [80, 0, 480, 480], to: [224, 224], channels: 3 },
      { width: 1, height: 300, region: [0, 0, 1, 300], to: [2, 3], channels: 1 },
    ] as const;
    const input = cases.map((one, seed) => ({
      ...one,
      data: Buffer.from(noise(one.width, one.height, one.channels, seed).data).toString('base64'),
    }));
    const program = `
import base64, json, sys
from PIL import Image
def scaled(one):
    picture = Image.frombytes('RGB' if one['channels'] == 3 else 'L', (one['width'], one['height']), base64.b64decode(one['data']))
    left, top, width, height = one['region']
    box = (left, top, left + width, top + height)
    return base64.b64encode(picture.resize(tuple(one['to']), Image.BILINEAR, box=box).tobytes()).decode()
print(json.dumps([scaled(one) for one in json.load(sys.stdin)]))`;
    const expected = debianPython(program, input) as string[];
    for (const [index, { width, height, region, to, channels: channelCount }] of cases.entries()) {
      const [left, top, regionWidth, regionHeight] = region;
      const ours = resize(noise(width, height, channelCount, index), { left, top, width: regionWidth, height: regionHeight }, to[0], to[1]);
      expect(Buffer.from(ours).equals(Buffer.from(expected[index]!, 'base64'))).toBe(true);
    }
  });

  it.skipIf(!hasPythonModule('PIL'))("makes grey as Pillow's convert('L') does, for every colour of a grid", () => {
    const levels = Array.from({ length: 18 }, (_, step) => step * 15);
    const data = Buffer.from(levels.flatMap((red) => levels.flatMap((green) => levels.flatMap((blue) => [red, green, blue]))));
    const program = `
import base64, json, sys
from PIL import Image
data = base64.b64decode(json.load(sys.stdin))
print(json.dumps(list(Image.frombytes('RGB', (len(data) // 3, 1), data).convert('L').tobytes())))`;
    const { data: grey } = withChannels({ width: data.length / 3, height: 1, channels: 3, data }, 1);
    expect([...grey]).toEqual(debianPython(program, data.toString('base64')));
  });

  it('keeps a flat picture flat, at every size', () => {
    for (let size = 1; size < 40; size++) {
      for (let to = 1; to < 40; to += 3) {
        const flat: Raster = { width: size, height: size + 3, channels: 3, data: new Uint8Array(size * (size + 3) * 3).fill(255) };
        expect(resize(flat, whole(flat), to, to + 2).every((level) => level === 255)).toBe(true);
      }
    }
  });

  it('averages what it shrinks, instead of picking pixels', () => {
    const data = Uint8Array.from({ length: 64 * 64 }, (_, index) => ((index + Math.floor(index / 64)) % 2) * 255);
    const board: Raster = { width: 64, height: 64, channels: 1, data };
    for (const level of resize(board, whole(board), 4, 4)) expect(Math.abs(level - 127.5)).toBeLessThan(2);
  });
});

describe('the part that is kept', () => {
  it("covers the shape with the picture's middle, aspect kept", () => {
    fc.assert(
      fc.property(sizes, sizes, sizes, sizes, (width, height, toWidth, toHeight) => {
        const picture = noise(width, height, 1);
        const { region, to, mirrored } = place(picture, { ...DEFAULTS, width: toWidth, height: toHeight }, () => randomNumbers(1));
        expect(mirrored).toBe(false);
        expect(to).toEqual({ left: 0, top: 0, width: toWidth, height: toHeight });
        expect(region.width / toWidth).toBeCloseTo(region.height / toHeight, 9);
        // It touches both borders of one dimension at least, and lies inside in both.
        expect(Math.min(width - region.width, height - region.height)).toBeCloseTo(0, 9);
        expect(region.left).toBeGreaterThanOrEqual(0);
        expect(region.top).toBeGreaterThanOrEqual(0);
        expect(region.left + region.width).toBeLessThanOrEqual(width + 1e-9);
        expect(region.top + region.height).toBeLessThanOrEqual(height + 1e-9);
        expect(Math.abs(width - region.width - 2 * region.left)).toBeLessThan(1.001);
      }),
    );
  });

  it.each(['uint8', 'float32'] as const)('is all black where a cut lies wholly in the padding (%s)', (type) => {
    const picture = noise(3, 3, 3);
    const settings = { width: 1, height: 1, resize: 3, crop: 'random', pad: 3, flip: true, type } as const;
    for (const layout of ['nhwc', 'nchw'] as const) {
      // 81 places, of which 72 show nothing of the picture: some to every side of it.
      const outcomes = Array.from({ length: 200 }, (_, seed) => fitWith({ ...settings, layout }, picture, seed));
      const black = outcomes.filter((bytes) => bytes.every((byte) => byte === 0)).length;
      expect(black).toBeGreaterThan(100);
      expect(black).toBeLessThan(200);
    }
  });

  it('is exact pixels where nothing is scaled: cut, mirrored, in either layout', () => {
    fc.assert(
      fc.property(
        sizes,
        sizes,
        channels,
        seeds,
        fc.constantFrom('center' as const, 'random' as const),
        fc.boolean(),
        fc.constantFrom('nhwc' as const, 'nchw' as const),
        fc.nat(3),
        (...drawn) => {
          const [width, height, channelCount, seed, crop, flip, layout, pad] = drawn;
          const picture = noise(width, height, channelCount, seed);
          const resize = Math.min(width, height);
          const side = Math.max(1, resize - 2);
          const fit: ImageFit = { ...DEFAULTS, width: side, height: side, channels: channelCount, resize, crop, flip, layout, pad };
          const out = fitWith(fit, picture, seed);
          // The same draws, in plain arithmetic: across, down, mirror.
          const numbers = randomNumbers(seed);
          const at = (length: number): number =>
            crop === 'random' ? numbers.below(length + 2 * pad - side + 1) - pad : Math.floor((length - side) / 2);
          const left = at(width);
          const top = at(height);
          const mirrored = flip && numbers.below(2) === 1;
          for (let y = 0; y < side; y++) {
            for (let x = 0; x < side; x++) {
              for (let channel = 0; channel < channelCount; channel++) {
                const column = left + (mirrored ? side - 1 - x : x);
                const row = top + y;
                const inside = column >= 0 && column < width && row >= 0 && row < height;
                const expected = inside ? picture.data[(row * width + column) * channelCount + channel] : 0;
                const index = layout === 'nhwc' ? (y * side + x) * channelCount + channel : (channel * side + y) * side + x;
                expect(out[index]).toBe(expected);
              }
            }
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  it('is every part now and then, when it is random', () => {
    const picture = noise(6, 4, 1);
    const parts = new Set<string>();
    for (let seed = 0; seed < 400; seed++) {
      const { region } = place(picture, { ...DEFAULTS, width: 3, height: 3, resize: 4, crop: 'random' }, () => randomNumbers(seed));
      parts.add(`${region.left},${region.top}`);
    }
    expect(parts.size).toBe(4 * 2);
  });

  it("follows torchvision's random resized crop: legal area and aspect, inside the picture, the whole range", () => {
    const sides = fc.integer({ min: 30, max: 200 });
    fc.assert(
      fc.property(sides, sides, seeds, (width, height, seed) => {
        const crop = { scale: [0.2, 0.5], ratio: [0.5, 2] } as const;
        const { from, region, to } = place({ width, height }, { ...DEFAULTS, width: 7, height: 9, crop }, () => randomNumbers(seed));
        expect(region).toEqual({ left: 0, top: 0, width: from.width, height: from.height });
        expect(to).toEqual({ left: 0, top: 0, width: 7, height: 9 });
        expect(from.left).toBeGreaterThanOrEqual(0);
        expect(from.top).toBeGreaterThanOrEqual(0);
        expect(from.left + from.width).toBeLessThanOrEqual(width);
        expect(from.top + from.height).toBeLessThanOrEqual(height);
        const fallback = width / height > 2 || width / height < 0.5;
        const share = (from.width * from.height) / (width * height);
        if (!fallback) expect(share).toBeGreaterThan(0.17);
        expect(from.width / from.height).toBeGreaterThan(0.45);
        expect(from.width / from.height).toBeLessThan(2.2);
      }),
    );
  });

  it('is the largest middle part of a legal aspect for pictures that are hopelessly long', () => {
    const crop = { scale: [1, 1], ratio: [0.75, 1.25] } as const;
    const from = (width: number, height: number): unknown =>
      place({ width, height }, { ...DEFAULTS, width: 8, height: 8, crop }, () => randomNumbers(1)).from;
    expect(from(1000, 100)).toEqual({ left: 437, top: 0, width: 125, height: 100 });
    expect(from(75, 1000)).toEqual({ left: 0, top: 450, width: 75, height: 100 });
    expect(from(1, 1)).toEqual({ left: 0, top: 0, width: 1, height: 1 });
  });

  it('does not depend on what lies beyond a random resized crop', () => {
    const picture = noise(30, 30, 3);
    const fit = { ...DEFAULTS, width: 8, height: 8, crop: { scale: [0.2, 0.4] } as const };
    const { from } = place(picture, fit, () => randomNumbers(5));
    const part = { width: from.width, height: from.height, channels: 3 as const, data: new Uint8Array(from.width * from.height * 3) };
    for (let y = 0; y < from.height; y++) {
      const start = ((from.top + y) * 30 + from.left) * 3;
      part.data.set(picture.data.subarray(start, start + from.width * 3), y * from.width * 3);
    }
    expect(fitWith(fit, picture, 5).equals(fitWith({ ...DEFAULTS, width: 8, height: 8, resize: 'stretch' }, part))).toBe(true);
  });
});

describe('the numbers of a tensor', () => {
  it('are (level / 255 - mean) / std as float32, black borders too', () => {
    const picture = noise(6, 5, 3);
    const settings = {
      height: 7,
      width: 8,
      type: 'float32',
      resize: 5,
      pad: 2,
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
    } as const;
    for (const layout of ['nhwc', 'nchw'] as const) {
      const levels = fitWith({ ...settings, layout, type: 'uint8', mean: undefined, std: undefined }, picture);
      const out = fitWith({ ...settings, layout }, picture);
      const values = new Float32Array(out.buffer, out.byteOffset, levels.length);
      expect(levels.filter((level) => level === 0).length).toBeGreaterThan(3 * (7 * 8 - 6 * 5) - 1);
      values.forEach((value, index) => {
        const channel = layout === 'nhwc' ? index % 3 : Math.floor(index / (7 * 8));
        expect(value).toBe(Math.fround((levels[index]! / 255 - settings.mean[channel]!) / settings.std[channel]!));
      });
    }
  });

  it('are 0 to 1 without mean and std', () => {
    const out = fitWith({ height: 1, width: 2, type: 'float32' }, { width: 2, height: 1, channels: 1, data: Uint8Array.of(0, 255) });
    expect([...new Float32Array(out.buffer, out.byteOffset, 2)]).toEqual([0, 1]);
  });

  it('are the same through scratch memory as straight in the batch', async () => {
    const bytes = makeJpeg(40, 30, 1);
    const straight = await decodeTensor(image({ height: 30, width: 40 }), bytes);
    const planes = await decodeTensor(image({ height: 30, width: 40, layout: 'nchw' }), bytes);
    straight.forEach((level, index) => expect(planes[(index % 3) * 1200 + Math.floor(index / 3)]).toBe(level));
  });
});

describe('settings of an image', () => {
  const size = { height: 8, width: 8 };

  it.each([
    [{ ...size, height: 0 }, /height must be/],
    [{ ...size, width: 1.5 }, /width must be/],
    [{ height: 20_000, width: 20_000 }, /height x width must be at most/],
    [{ ...size, resize: 7 }, /resize must be a whole number, 8 or more/],
    [{ ...size, pad: -1 }, /pad must be/],
    [{ ...size, resize: 'stretch', crop: {} }, /leave out resize and pad/],
    [{ ...size, crop: { scale: [0.5, 0.2] } }, /crop.scale must be/],
    [{ ...size, crop: { scale: [0.5, 2] } }, /crop.scale must be/],
    [{ ...size, crop: { ratio: [0, 2] } }, /crop.ratio must be/],
    [{ ...size, mean: [0, 0, 0] }, /mean needs type: 'float32'/],
    [{ ...size, type: 'float32', mean: [0.5] }, /mean must have a number for each of 3 channels/],
    [{ ...size, type: 'float32', std: [1, 0, 1] }, /std must not be 0/],
  ] as const)('are refused when they cannot be: %j', (options, message) => {
    expect(() => image(options)).toThrow(message);
  });
});
