import { ShardWriter, type WrittenShard } from '@warpforge/webdataset';
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { encodeImages } from '../../demo/datasets/encode.ts';
import { openSynthetic } from '../../demo/datasets/synthetic.ts';
import type { Progress } from '../reading.ts';
import type { Verdict } from '../verdict.ts';

const run = promisify(execFile);
const EPOCHS = 1000;
const IMAGES = 32;
const IMAGE_SIZE = 16;

/** How much memory an epoch leaves behind: a thousand small ones, in a process of their own. */
export async function measureHeapGrowth(folder: string, progress: Progress): Promise<Verdict> {
  const question = `Growth of the heap over ${EPOCHS.toLocaleString('en-US')} epochs, with worker threads and without`;
  progress(question);
  const args = ['--expose-gc', join(import.meta.dirname, 'heap-process.ts'), String(EPOCHS), String(IMAGE_SIZE)];
  const { stdout } = await run(process.execPath, [
    '--conditions=@warpforge/source',
    ...args,
    ...(await writeImages(join(folder, 'small'))),
  ]);
  const growth = Number(stdout) / 1024 ** 2;
  progress(`  ${growth.toFixed(2)} MiB`);
  return {
    question,
    value: growth,
    bar: 5,
    aim: 0,
    sense: 'at-most',
    unit: 'MiB',
    series: [],
    seriesUnit: 'MiB',
    commands: [`node ${args.slice(0, 1).join(' ')} tools/bench/webdataset/heap-process.ts ${EPOCHS} ${IMAGE_SIZE} <shards>`],
  };
}

async function writeImages(directory: string): Promise<string[]> {
  await mkdir(directory, { recursive: true });
  const dataSet = openSynthetic({ trainImages: IMAGES, size: IMAGE_SIZE, seed: 1 });
  await using writer = new ShardWriter({ directory, maxCount: IMAGES / 2 });
  let count = 0;
  for await (const { jpeg, label } of encodeImages(dataSet.train.images(), dataSet)) {
    await writer.write({ __key__: String(count++), jpg: jpeg, cls: label });
  }
  return (await writer.close()).map(({ path }: WrittenShard) => path);
}
