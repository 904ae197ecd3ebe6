import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import jpeg from '@julusian/jpeg-turbo';
import { ShardWriter } from '@warpforge/webdataset';

/** A folder that is removed at the end of the block. */
export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
}

export async function temporaryFolder(): Promise<TemporaryFolder> {
  const path = await mkdtemp(join(tmpdir(), 'warpforge-train-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

export interface ShardOptions {
  readonly samples: number;
  readonly samplesPerShard?: number;
  readonly classes?: number;
  /** Height and width of sample `index`. */
  readonly size?: (index: number) => readonly [number, number];
  readonly colour?: boolean;
  /** First number of the keys. */
  readonly firstKey?: number;
}

/** Writes shards of striped images, a direction and width of stripes for each class: easy to tell apart, so training must succeed. */
export async function writeShards(directory: string, options: ShardOptions): Promise<void> {
  const { samples, samplesPerShard = 50, classes = 4, size = () => [16, 16], colour = false, firstKey = 0 } = options;
  await using writer = new ShardWriter({ directory, maxCount: samplesPerShard });
  for (let index = 0; index < samples; index++) {
    const [height, width] = size(index);
    const label = index % classes;
    await writer.write({
      __key__: String(firstKey + index).padStart(8, '0'),
      jpg: stripes(height, width, label, index, colour),
      cls: label,
    });
  }
  await writer.close();
}

export function stripes(height: number, width: number, label: number, index: number, colour = false): Uint8Array {
  const channels = colour ? 3 : 1;
  const pixels = Buffer.alloc(height * width * channels);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const along = label % 2 === 0 ? row / height : column / width;
      const waves = 2 + 2 * Math.floor(label / 2);
      const brightness = 128 + 100 * Math.sin(2 * Math.PI * waves * along + index * 0.7);
      for (let channel = 0; channel < channels; channel++) pixels[(row * width + column) * channels + channel] = brightness;
    }
  }
  const format = colour
    ? { format: jpeg.FORMAT_RGB, subsampling: jpeg.SAMP_420 }
    : { format: jpeg.FORMAT_GRAY, subsampling: jpeg.SAMP_GRAY };
  return jpeg.compressSync(pixels, { ...format, width, height, quality: 90 });
}
