/** What several test files need: folders that vanish, real JPEGs, and shards of them. */
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import turbo from '@julusian/jpeg-turbo';
import { ShardWriter, type WrittenShard } from '../src/shard-writer.ts';

// The tests start some hundred threads from source. With Node's compile cache a thread strips the types once, not every time.
process.env['NODE_COMPILE_CACHE'] ??= join(import.meta.dirname, '../../../node_modules/.cache/webdataset');

/** A temporary folder, for `await using`. */
export async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'webdataset-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Pixels of a smooth picture that differs by `seed`: JPEG keeps it nearly as it is. */
export function makePixels(width: number, height: number, seed: number, channels: 1 | 3 = 3): Buffer {
  const pixels = Buffer.alloc(width * height * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < channels; channel++) {
        pixels[(y * width + x) * channels + channel] = 128 + 100 * Math.sin((x * (1 + channel) + y * (3 - channel)) / 40 + seed);
      }
    }
  }
  return pixels;
}

/** A real JPEG. */
export function makeJpeg(width: number, height: number, seed: number, channels: 1 | 3 = 3): Buffer {
  return turbo.compressSync(makePixels(width, height, seed, channels), {
    width,
    height,
    format: channels === 1 ? turbo.FORMAT_GRAY : turbo.FORMAT_RGB,
    subsampling: channels === 1 ? turbo.SAMP_GRAY : turbo.SAMP_444,
    quality: 90,
  });
}

/** The key of sample `index` in {@link writeImageShards}. */
export function keyOf(index: number): string {
  return String(index).padStart(8, '0');
}

/** Shards of real JPEGs; the label of sample n is n. */
export async function writeImageShards(
  directory: string,
  { shards, samplesPerShard, size = 8 }: { shards: number; samplesPerShard: number; size?: number },
): Promise<string[]> {
  const pictures = Array.from({ length: 16 }, (_, seed) => makeJpeg(size, size, seed));
  await using writer = new ShardWriter({ directory, maxCount: samplesPerShard });
  for (let index = 0; index < shards * samplesPerShard; index++) {
    await writer.write({ __key__: keyOf(index), jpg: pictures[index % pictures.length]!, cls: index });
  }
  return (await writer.close()).map(({ path }: WrittenShard) => path);
}

/** Runs a Python program (standard library only) with JSON on its standard input, and parses the JSON it prints. */
export function python(program: string, input: unknown): unknown {
  const output = execFileSync('python3', ['-c', program], { input: JSON.stringify(input), maxBuffer: 512 * 1024 * 1024 });
  return JSON.parse(output.toString('utf8'));
}

/** Everything an async iterable yields. */
export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
