import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import type { Split } from '../../demo/datasets/data-set.ts';
import { openDigits } from '../../demo/datasets/digits.ts';
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
});
