import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ShardWriter } from '@warpforge/webdataset';
import { encodeImages } from '@warpforge/webdataset/synthetic';
import { Command } from 'commander';
import type { DataSet } from '../demo/datasets/data-set.ts';
import { openFashionMnist } from '../demo/datasets/fashion-mnist.ts';
import { print } from './command-line.ts';

const run = promisify(execFile);
const TRAINER = join(import.meta.dirname, '../../apps/trainer/bin/warpforge-train.mjs');

/** Part of the test images that must be right after so few epochs, whatever the seed. */
const BAR = 0.88;
const EPOCHS = 3;
const SEEDS = [1, 2, 3];
const IMAGES_PER_SHARD = 2000;

/** `npm run stress -- accuracy` */
export const accuracy = new Command('accuracy')
  .description(
    `trains on Fashion-MNIST, ${EPOCHS} epochs with ${SEEDS.length} seeds: at least ${BAR * 100} % of the test images must be right`,
  )
  .action(async () => {
    const reached = await trainOnFashionMnist((seed, part) => print(`seed ${seed}: ${percent(part)} of the test images`));
    const low = reached.filter((part) => !(part >= BAR));
    print(`${low.length === 0 ? 'PASSED' : 'FAILED'}  ${percent(Math.min(...reached))} at least, ${percent(BAR)} needed`);
    if (low.length > 0) process.exitCode = 1;
  });

/**
 * Trains as a user would: shards of the writer, in two roots, through the command with its defaults.
 *
 * @returns the part of the test images that is right, for each seed
 */
async function trainOnFashionMnist(onSeed: (seed: number, part: number) => void): Promise<number[]> {
  const reached: number[] = [];
  const folder = await mkdtemp(join(tmpdir(), 'warpforge-accuracy-'));
  try {
    const dataSet = await openFashionMnist();
    const [rootA, rootB, testRoot] = [join(folder, 'a'), join(folder, 'b'), join(folder, 'test')];
    await writeShards(dataSet, 'train', [rootA, rootB]);
    await writeShards(dataSet, 'test', [testRoot]);
    for (const seed of SEEDS) {
      const flags = ['--train-root-a', rootA, '--train-root-b', rootB, '--eval-root', testRoot, '--epochs', String(EPOCHS)];
      const { stdout } = await run(process.execPath, [TRAINER, 'run', ...flags, '--seed', String(seed), '--json']);
      const { testAccuracy } = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { readonly testAccuracy: number };
      onSeed(seed, testAccuracy);
      reached.push(testAccuracy);
    }
    return reached;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Writes a split as shards, turn by turn into each of the folders. */
async function writeShards(dataSet: DataSet, split: 'train' | 'test', folders: readonly string[]): Promise<void> {
  await using writers = new AsyncDisposableStack();
  const open: ShardWriter[] = [];
  for (const directory of folders) {
    await mkdir(directory);
    open.push(writers.use(new ShardWriter({ directory, maxCount: IMAGES_PER_SHARD })));
  }
  let count = 0;
  for await (const { jpeg, label } of encodeImages(dataSet[split].images(), dataSet)) {
    await open[count % open.length]?.write({ __key__: String(count).padStart(8, '0'), jpg: jpeg, cls: label });
    count += 1;
  }
}

function percent(part: number): string {
  return `${(part * 100).toFixed(2)} %`;
}
