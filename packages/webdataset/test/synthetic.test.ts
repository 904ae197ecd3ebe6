import { createHash } from 'node:crypto';
import { readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import turbo from '@julusian/jpeg-turbo';
import fc from 'fast-check';
import jpegJs from 'jpeg-js';
import { describe, expect, it } from 'vitest';
import { findIndex } from '../src/shard-index/index-shards.ts';
import { samples } from '../src/samples.ts';
import { loadJpegEncoder, loadPlainEncoder } from '../src/synthetic/jpeg-encoders.ts';
import {
  encodeImages,
  findSyntheticShards,
  SYNTHETIC_CLASSES,
  SyntheticImages,
  writeSyntheticShards,
  type SyntheticProgress,
} from '../src/synthetic/synthetic.ts';
import { temporaryFolder } from './support.ts';

const SETTINGS = { shards: 3, imagesPerShard: 7, size: 24, seed: 5 };

async function hashes(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder)).sort();
  const hash = async (name: string): Promise<string> =>
    createHash('md5')
      .update(await readFile(join(folder, name)))
      .digest('hex');
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, await hash(name)] as const)));
}

describe('writeSyntheticShards', () => {
  it('writes shards with indexes, keys that count through all of them, labels in turn, and JPEGs of the right size', async () => {
    await using folder = await temporaryFolder();
    const progress: SyntheticProgress[] = [];
    const written = await writeSyntheticShards({ directory: folder.path, ...SETTINGS, onProgress: (state) => progress.push(state) });
    expect(await readdir(folder.path)).toEqual([
      ...['0', '1', '2'].flatMap((number) => [`shard-00000${number}.idx`, `shard-00000${number}.tar`]),
      'synthetic.json',
    ]);
    expect(written.map(({ samples: count }) => count)).toEqual([7, 7, 7]);
    for (const { path, indexPath, size } of written) {
      expect((await stat(path)).size).toBe(size);
      expect(indexPath).toBe(path.replace('.tar', '.idx'));
    }
    const index = await findIndex(written[1]!.path);
    expect(index?.samples[0]?.fields.get('jpg')?.name).toBe('00000007.jpg');
    let number = 0;
    for await (const { __key__, jpg, cls } of samples(folder.path, { fields: ['jpg', 'cls'] })) {
      expect([__key__, cls, jpg.width, jpg.height]).toEqual([String(number).padStart(8, '0'), number % SYNTHETIC_CLASSES, 24, 24]);
      number += 1;
    }
    expect(number).toBe(21);
    expect(progress.at(-1)).toEqual({ images: 21, totalImages: 21, shards: 3, totalShards: 3 });
  });

  it('writes the same bytes again, and the same shards in parts', async () => {
    await using whole = await temporaryFolder();
    await using parts = await temporaryFolder();
    await writeSyntheticShards({ directory: whole.path, ...SETTINGS });
    await writeSyntheticShards({ directory: parts.path, ...SETTINGS, shards: 1, firstShard: 2 });
    await writeSyntheticShards({ directory: parts.path, ...SETTINGS, shards: 2, firstShard: 0 });
    expect(await hashes(parts.path)).toEqual(await hashes(whole.path));
    await using other = await temporaryFolder();
    await writeSyntheticShards({ directory: other.path, ...SETTINGS, seed: 6 });
    expect((await hashes(other.path))['shard-000000.tar']).not.toBe((await hashes(whole.path))['shard-000000.tar']);
  });

  it('goes on where it was stopped, and makes shards again that are not whole', async () => {
    await using folder = await temporaryFolder();
    await using whole = await temporaryFolder();
    await writeSyntheticShards({ directory: whole.path, ...SETTINGS });
    const abort = new AbortController();
    const reason = new Error('stopped');
    const stopped = writeSyntheticShards({
      directory: folder.path,
      ...SETTINGS,
      signal: abort.signal,
      onProgress: ({ images }) => {
        if (images === 10) abort.abort(reason);
      },
    });
    await expect(stopped).rejects.toBe(reason);
    expect(await readdir(folder.path)).toEqual(['shard-000000.idx', 'shard-000000.tar', 'synthetic.json']);
    expect(await findSyntheticShards({ directory: folder.path, ...SETTINGS })).toHaveLength(1);

    const first = join(folder.path, 'shard-000000.tar');
    const before = await stat(first);
    await writeSyntheticShards({ directory: folder.path, ...SETTINGS });
    expect((await stat(first)).ino).toBe(before.ino);
    expect(await hashes(folder.path)).toEqual(await hashes(whole.path));

    await truncate(first, before.size - 2048);
    await rm(join(folder.path, 'shard-000001.idx'));
    expect(await findSyntheticShards({ directory: folder.path, ...SETTINGS })).toHaveLength(1);
    await writeSyntheticShards({ directory: folder.path, ...SETTINGS });
    expect(await hashes(folder.path)).toEqual(await hashes(whole.path));
  });

  it('replaces all shards when the settings change, those too that it would not write', async () => {
    await using folder = await temporaryFolder();
    await writeSyntheticShards({ directory: folder.path, ...SETTINGS });
    expect(await findSyntheticShards({ directory: folder.path, ...SETTINGS, size: 16 })).toEqual([]);
    await writeSyntheticShards({ directory: folder.path, ...SETTINGS, shards: 1, size: 16 });
    expect(await readdir(folder.path)).toEqual(['shard-000000.idx', 'shard-000000.tar', 'synthetic.json']);
  });

  it('does not touch shards of other makers', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'shard-000004.tar'), 'precious');
    await expect(writeSyntheticShards({ directory: folder.path, ...SETTINGS })).rejects.toMatchObject({
      code: 'WDS_NOT_EMPTY',
      message: expect.stringContaining('shard-000004.tar') as string,
    });
    expect(await readdir(folder.path)).toEqual(['shard-000004.tar']);
  });

  it('says which folder it cannot write to', async () => {
    await using folder = await temporaryFolder();
    await writeFile(join(folder.path, 'file'), '');
    const failing = writeSyntheticShards({ directory: join(folder.path, 'file'), ...SETTINGS });
    await expect(failing).rejects.toMatchObject({ code: 'WDS_WRITE', message: expect.stringContaining('file') as string });
  });

  it.each([{ shards: 0 }, { imagesPerShard: 1.5 }, { size: 0 }, { seed: -1 }, { firstShard: -1 }])('refuses %j', async (wrong) => {
    await using folder = await temporaryFolder();
    await expect(writeSyntheticShards({ directory: folder.path, ...SETTINGS, ...wrong })).rejects.toThrow(RangeError);
    expect(await readdir(folder.path)).toEqual([]);
  });
});

describe('SyntheticImages', () => {
  it('paints an image from seed, size and index alone, with each class in turn', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 40 }), fc.integer({ min: 1, max: 40 }), fc.nat(1e6), (seed, size, index) => {
        const { pixels, label } = new SyntheticImages({ seed, size }).paint(index);
        expect(pixels).toHaveLength(size * size * 3);
        expect(label).toBe(index % SYNTHETIC_CLASSES);
        expect([...new SyntheticImages({ seed, size }).range(index, 1)][0]!.pixels).toEqual(pixels);
      }),
      { numRuns: 5 },
    );
  });

  it('shows the class in the picture: the nearest mean of its spectrum tells it', () => {
    const size = 24;
    const images = new SyntheticImages({ size, seed: 3 });
    const means = Array.from({ length: SYNTHETIC_CLASSES }, () => new Float64Array(FREQUENCIES.length));
    for (const image of images.range(0, 200)) energies(image.pixels, size).forEach((value, at) => (means[image.label]![at]! += value));
    const test = [...images.range(200, 40)];
    const right = test.filter(({ pixels, label }) => {
      const energy = energies(pixels, size);
      const scores = means.map((mean) => cosine(mean, energy));
      return scores.indexOf(Math.max(...scores)) === label;
    });
    expect(right.length / test.length).toBeGreaterThan(0.9);
  });
});

describe('JPEG encoders', () => {
  it.each([
    ['jpeg-turbo', loadJpegEncoder],
    ['jpeg-js', loadPlainEncoder],
  ])('%s keeps grey and colour near to what they were', async (name, load) => {
    const encoder = await load();
    expect(encoder.name).toBe(name);
    const images = new SyntheticImages({ size: 48, seed: 1 });
    const colour = images.paint(3).pixels;
    const grey = colour.filter((_, at) => at % 3 === 0);
    for (const [pixels, channels] of [
      [colour, 3],
      [grey, 1],
    ] as const) {
      const jpeg = await encoder.encode(pixels, { ...images.shape, channels });
      const format = channels === 1 ? turbo.FORMAT_GRAY : turbo.FORMAT_RGB;
      const { data, width, height } = turbo.decompressSync(Buffer.from(jpeg), { format });
      expect([width, height]).toEqual([48, 48]);
      expect(pixels.reduce((sum, value, at) => sum + Math.abs(value - data[at]!), 0) / pixels.length).toBeLessThan(12);
      expect(jpegJs.decode(jpeg).width).toBe(48);
    }
  });

  it('keep the order', async () => {
    const images = new SyntheticImages({ size: 8, seed: 1 });
    const encoded = await Array.fromAsync(encodeImages(images.range(5, 70), images.shape));
    expect(encoded.map(({ label }) => label)).toEqual(Array.from({ length: 70 }, (_, at) => (at + 5) % SYNTHETIC_CLASSES));
  });

  it('end cleanly when their consumer leaves early', async () => {
    const images = new SyntheticImages({ size: 16, seed: 1 });
    let seen = 0;
    for await (const { jpeg } of encodeImages(images.range(0, 100), images.shape)) {
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
