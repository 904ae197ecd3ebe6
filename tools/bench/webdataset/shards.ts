/** The shards that the benchmarks of the library read. */
import { ShardWriter, type WrittenShard } from '@warpforge/webdataset';
import { encodeImages } from '@warpforge/webdataset/synthetic';
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { pack } from 'tar-stream';
import { openSynthetic } from '../../demo/datasets/synthetic.ts';

/** Side of the images, as most networks on photographs take them. */
export const IMAGE_SIZE = 224;
/** More than a second of decoding on one core, so that the first and the last batch of an epoch, for which one worker waits, are a small part. */
const IMAGES = 6000;
const IMAGES_PER_SHARD = 250;

/** Members of the archives that are only scanned: an image file of a typical size, and its label. */
const MEMBER_BYTES = 20_000;
const MEMBERS = 6_000;

/** Writes 224 x 224 colour JPEGs with labels; returns the paths. */
export async function writePhotographs(directory: string): Promise<string[]> {
  await mkdir(directory, { recursive: true });
  const dataSet = openSynthetic({ trainImages: IMAGES, size: IMAGE_SIZE, seed: 1 });
  await using writer = new ShardWriter({ directory, pattern: 'shard-%06d.tar', maxCount: IMAGES_PER_SHARD });
  let count = 0;
  for await (const { jpeg, label } of encodeImages(dataSet.train.images(), dataSet)) {
    await writer.write({ __key__: String(count++).padStart(8, '0'), jpg: jpeg, cls: label });
  }
  return (await writer.close()).map(({ path }: WrittenShard) => path);
}

/** What a writer of archives puts before each member: nothing more, or a PAX header with a fractional time, as Python webdataset does. */
export type HeaderKind = 'ustar' | 'pax';

/** Writes one archive of some 120 MB, by tar-stream, which is no part of what is measured. */
export async function writeArchive(path: string, kind: HeaderKind): Promise<void> {
  const archive = pack();
  const written = pipeline(archive, createWriteStream(path));
  const pax = kind === 'pax' ? { pax: { mtime: '1795289390.0337908' } } : {};
  for (let index = 0; index < MEMBERS; index++) {
    const key = String(index).padStart(8, '0');
    const image = createHash('shake256', { outputLength: MEMBER_BYTES }).update(key).digest();
    for (const [extension, data] of [
      ['jpg', image],
      ['cls', Buffer.from(String(index % 10))],
    ] as const) {
      archive.entry({ name: `${key}.${extension}`, mtime: new Date(1_700_000_000_000), ...pax }, data);
    }
  }
  archive.finalize();
  await written;
}
