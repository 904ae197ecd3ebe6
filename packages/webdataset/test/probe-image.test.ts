import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { probeImage } from '../src/probe-image.ts';
import { ShardWriter } from '../src/shard-writer.ts';
import { makeJpeg, makePixels, temporaryFolder } from './support.ts';

async function shardOf(directory: string, samples: readonly Record<string, Uint8Array | string>[]): Promise<string> {
  await using writer = new ShardWriter({ directory });
  for (const [index, fields] of samples.entries()) await writer.write({ __key__: `sample-${index}`, ...fields });
  const [written] = await writer.close();
  return written!.path;
}

describe('probeImage', () => {
  it('tells the shape of the first image, of any kind, and where it is', async () => {
    const raw = { raw: { width: 20, height: 10, channels: 3 as const } };
    const pixels = makePixels(20, 10, 1);
    for (const [extension, bytes, channels] of [
      ['jpg', makeJpeg(20, 10, 1), 3],
      ['jpeg', makeJpeg(20, 10, 1, 1), 1],
      ['png', await sharp(pixels, raw).png().toBuffer(), 3],
      ['webp', await sharp(pixels, raw).webp().toBuffer(), 3],
    ] as const) {
      await using inner = await temporaryFolder();
      const shard = await shardOf(inner.path, [{ txt: 'no image' }, { [extension]: bytes }, { jpg: makeJpeg(5, 5, 1) }]);
      expect(await probeImage([shard])).toEqual({ height: 10, width: 20, channels, key: 'sample-1', shard });
    }
  });

  it('reads any shard that the library reads', async () => {
    await using folder = await temporaryFolder();
    const path = await shardOf(folder.path, [{ jpg: makeJpeg(6, 4, 1) }]);
    const bytes = await readFile(path);
    expect(await probeImage([{ name: 'mine', open: () => bytes }])).toMatchObject({ height: 4, width: 6, shard: 'mine' });
  });

  it('says what is wrong where there is none', async () => {
    await using folder = await temporaryFolder();
    await expect(probeImage([])).rejects.toMatchObject({ code: 'WDS_NO_SHARDS' });
    const without = await shardOf(folder.path, [{ txt: 'hello' }]);
    await expect(probeImage([without])).rejects.toMatchObject({ code: 'WDS_MISSING_FIELD', shard: without });
    await using other = await temporaryFolder();
    const broken = await shardOf(other.path, [{ jpg: makeJpeg(6, 4, 1).subarray(0, 100) }]);
    await expect(probeImage([broken])).rejects.toMatchObject({ code: 'WDS_DECODE', key: 'sample-0', shard: broken });
    const noTar = join(folder.path, 'x.tar');
    await writeFile(noTar, 'hello'.repeat(300));
    await expect(probeImage([noTar])).rejects.toMatchObject({ code: 'WDS_BAD_HEADER' });
  });
});
