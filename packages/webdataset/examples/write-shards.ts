/**
 * Writes 60 labelled pictures into three shards, with their indexes, in `data/train`.
 */
import { mkdir } from 'node:fs/promises';
import { ShardWriter } from '@warpforge/webdataset';
import jpegJs from 'jpeg-js';

/** A plain picture whose colour depends on its class. */
function picture(label: number): Buffer {
  const pixels = Buffer.alloc(16 * 16 * 4, 255);
  for (let pixel = 0; pixel < 16 * 16; pixel++) pixels.set([label * 28, 255 - label * 28, 128], pixel * 4);
  return jpegJs.encode({ width: 16, height: 16, data: pixels }, 90).data;
}

const pictures = Array.from({ length: 10 }, (_, label) => picture(label));

await mkdir('data/train', { recursive: true });
await using writer = new ShardWriter({ directory: 'data/train', maxCount: 20 });
for (let number = 0; number < 60; number++) {
  const label = number % 10;
  const jpg = pictures[label];
  if (jpg !== undefined)
    await writer.write({ __key__: String(number).padStart(8, '0'), jpg, cls: label, json: { number, even: number % 2 === 0 } });
}
for (const { path, samples } of await writer.close()) console.log(`${path}: ${samples} samples`);
