import jpegTurbo from '@julusian/jpeg-turbo';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { DataSet, Split } from '../../demo/datasets/data-set.ts';
import { openDigits } from '../../demo/datasets/digits.ts';
import { encodeImages } from '../../demo/datasets/encode.ts';
import { openFashionMnist } from '../../demo/datasets/fashion-mnist.ts';
import { parseIdx } from '../../demo/datasets/idx.ts';
import { openSynthetic } from '../../demo/datasets/synthetic.ts';
import { DemoError } from '../../demo/errors.ts';

const folder = mkdtempSync(join(tmpdir(), 'warpforge-datasets-'));
afterAll(() => rmSync(folder, { recursive: true }));

const fingerprints = (split: Split): string[] =>
  [...split.images()].map(({ pixels, label }) => `${label} ${Buffer.from(pixels).toString('latin1')}`);

describe('digits', () => {
  it('are 8,000 images to train and 2,000 to test, all different, of all classes, the same in every run', async () => {
    const digits = await openDigits();
    const train = fingerprints(digits.train);
    const test = fingerprints(digits.test);
    expect([train.length, test.length, digits.train.count, digits.test.count]).toEqual([8000, 2000, 8000, 2000]);
    expect(new Set([...train, ...test]).size).toBe(10_000);
    for (const split of [digits.train, digits.test]) {
      const share = Array.from(
        { length: 10 },
        (_, label) => [...split.images()].filter((image) => image.label === label).length / split.count,
      );
      for (const part of share) expect(part).toBeGreaterThan(0.07);
    }
    const again = await openDigits();
    expect(fingerprints(again.test)).toEqual(test);
  });
});

describe('fashion-mnist', () => {
  const idx = (dimensions: number[], values: Uint8Array): Buffer => {
    const header = Buffer.alloc(4 + 4 * dimensions.length);
    header.writeUInt32BE(0x0800 + dimensions.length);
    dimensions.forEach((size, index) => header.writeUInt32BE(size, 4 + 4 * index));
    return gzipSync(Buffer.concat([header, values]));
  };
  const write = (prefix: string, count: number, labels: number) => {
    writeFileSync(
      join(folder, `${prefix}-images-idx3-ubyte.gz`),
      idx(
        [count, 2, 3],
        Uint8Array.from({ length: count * 6 }, (_, index) => index % 256),
      ),
    );
    writeFileSync(
      join(folder, `${prefix}-labels-idx1-ubyte.gz`),
      idx(
        [labels],
        Uint8Array.from({ length: labels }, (_, index) => index % 10),
      ),
    );
  };
  beforeEach(() => {
    write('train', 60, 60);
    write('t10k', 10, 10);
  });

  it('is read from the files of the Debian package', async () => {
    const dataSet = await openFashionMnist(folder);
    expect(dataSet).toMatchObject({ height: 2, width: 3, channels: 1, train: { count: 60 }, test: { count: 10 } });
    const second = [...dataSet.train.images()][1]!;
    expect([Array.from(second.pixels), second.label]).toEqual([[6, 7, 8, 9, 10, 11], 1]);
  });

  it('says how it is installed where it is missing', async () => {
    const failure = await openFashionMnist(join(folder, 'nowhere')).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'DATASET_MISSING' });
    expect((failure as DemoError).message).toContain('apt-get install dataset-fashion-mnist');
  });

  it('is refused when images and labels do not belong together', async () => {
    write('t10k', 10, 9);
    await expect(openFashionMnist(folder)).rejects.toMatchObject({ code: 'DATASET_DAMAGED' });
  });

  it('is refused when a file is cut off or is something else', () => {
    expect(() => parseIdx(idx([10, 2], new Uint8Array(19)), 'cut')).toThrow(/19 values and promises 10 x 2/);
    expect(() => parseIdx(gzipSync('hello'), 'text')).toThrow(DemoError);
    expect(() => parseIdx(Buffer.from('no gzip'), 'plain')).toThrow(DemoError);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        try {
          parseIdx(gzipSync(bytes), 'fuzz');
        } catch (error) {
          expect(error).toBeInstanceOf(DemoError);
        }
      }),
    );
  });
});

describe('synthetic images', () => {
  it('depend on seed and size only, and no two are alike', () => {
    const options = { trainImages: 200, size: 32, seed: 7 };
    const images = fingerprints(openSynthetic(options).train);
    expect(fingerprints(openSynthetic(options).train)).toEqual(images);
    expect(fingerprints(openSynthetic({ ...options, trainImages: 50 }).train)).toEqual(images.slice(0, 50));
    expect(fingerprints(openSynthetic({ ...options, seed: 8 }).train)[0]).not.toBe(images[0]);
    const all = [...images, ...fingerprints(openSynthetic(options).test)];
    expect(new Set(all).size).toBe(240);
  });

  it('have every class equally often, and a class shows in the picture: the nearest mean of its spectrum tells it', () => {
    const size = 24;
    const dataSet = openSynthetic({ trainImages: 200, size, seed: 3 });
    const means = Array.from({ length: 10 }, () => new Float64Array(FREQUENCIES.length));
    for (const image of dataSet.train.images()) energies(image.pixels, size).forEach((value, at) => (means[image.label]![at]! += value));
    const test = [...dataSet.test.images()];
    const right = test.filter(({ pixels, label }) => {
      const energy = energies(pixels, size);
      const scores = means.map((mean) => cosine(mean, energy));
      return scores.indexOf(Math.max(...scores)) === label;
    });
    expect(right.length / test.length).toBeGreaterThan(0.9);
  });
});

describe('the encoder', () => {
  it.each([
    { name: 'grey', open: () => openDigits(), take: 50 },
    { name: 'colour', open: () => openSynthetic({ trainImages: 50, size: 48, seed: 1 }), take: 50 },
  ])('keeps $name images in order and near to what they were', async ({ open, take }) => {
    const dataSet: DataSet = await open();
    const originals = [...dataSet.train.images()].slice(0, take);
    const encoded = await Array.fromAsync(encodeImages(originals, dataSet));
    expect(encoded.map(({ label }) => label)).toEqual(originals.map(({ label }) => label));
    for (const [index, { jpeg }] of encoded.entries()) {
      const format = dataSet.channels === 1 ? jpegTurbo.FORMAT_GRAY : jpegTurbo.FORMAT_RGB;
      const { data, width, height } = jpegTurbo.decompressSync(Buffer.from(jpeg), { format });
      expect([width, height]).toEqual([dataSet.width, dataSet.height]);
      const { pixels } = originals[index]!;
      const error = pixels.reduce((sum, value, at) => sum + Math.abs(value - data[at]!), 0) / pixels.length;
      expect(error).toBeLessThan(12);
    }
  });

  it('ends cleanly when its consumer leaves early', async () => {
    const dataSet = openSynthetic({ trainImages: 100, size: 16, seed: 1 });
    let seen = 0;
    for await (const { jpeg } of encodeImages(dataSet.train.images(), dataSet)) {
      expect(jpeg.length).toBeGreaterThan(100);
      seen += 1;
      if (seen === 3) break;
    }
    expect(seen).toBe(3);
  });
});

/** Waves across the image, in periods along x and y. */
const FREQUENCIES = Array.from({ length: 13 }, (_, y) => Array.from({ length: 13 }, (_unused, x) => [x - 6, y] as const))
  .flat()
  .filter(([x, y]) => x !== 0 || y !== 0);

/** How strongly each wave is in the picture, whatever its phase. */
function energies(pixels: Uint8Array, size: number): number[] {
  return FREQUENCIES.map(([fx, fy]) => {
    let real = 0;
    let imaginary = 0;
    for (let y = 0; y < size; y += 1) {
      for (let x = 0; x < size; x += 1) {
        const angle = (2 * Math.PI * (fx * x + fy * y)) / size;
        const value = pixels[(y * size + x) * 3]!;
        real += value * Math.cos(angle);
        imaginary += value * Math.sin(angle);
      }
    }
    return Math.hypot(real, imaginary);
  });
}

function cosine(left: ArrayLike<number>, right: ArrayLike<number>): number {
  let dot = 0;
  for (let at = 0; at < left.length; at += 1) dot += left[at]! * right[at]!;
  const lengths = Math.hypot(...Array.from(left)) * Math.hypot(...Array.from(right));
  return dot / lengths;
}
