import { ShardWriter } from '@warpforge/webdataset';
import { encodeImages } from '@warpforge/webdataset/synthetic';
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { openDigits } from '../demo/datasets/digits.ts';
import { mountWarpdrive } from './mounts.ts';
import type { Progress } from './reading.ts';
import type { Verdict } from './verdict.ts';
import { compare, ratioOf, type Contender, type Series } from './rounds.ts';

const run = promisify(execFile);
export const TRAINER = join(import.meta.dirname, '../../apps/trainer/bin/warpforge-train.mjs');

/** What training from the warm mount must reach of training from memory. */
const TRAINING_BAR = 0.8;
/** One epoch of the 8,000 training digits. */
const STEPS = 125;
const BATCH_SIZE = 64;
const IMAGES_PER_SHARD = 500;

/** Trains the same network for one epoch on digits read through a warm mount, and on batches that already lie in memory. */
export async function compareTraining(folder: string, progress: Progress): Promise<Verdict> {
  const question = 'Training: images/s of a warm epoch through the mount against the same graph fed from memory';
  progress(question);
  const origin = join(folder, 'origin');
  await writeDigits(origin);
  await using mount = await mountWarpdrive(origin, folder, 'auto');
  const contenders = [trainer('fed from memory', mount.mountPoint, ['--from-memory']), trainer('warm mount', mount.mountPoint, [])];
  const series = await compare(contenders, (name, round, value) =>
    progress(`  ${round === 0 ? 'warm-up' : `round ${round}`}  ${name}: ${Math.round(value).toLocaleString('en-US')} images/s`),
  );
  const [memory, warm] = series as [Series, Series];
  return {
    question,
    value: ratioOf(warm, memory),
    bar: TRAINING_BAR,
    sense: 'at-least',
    unit: 'ratio',
    series,
    seriesUnit: 'images/s',
    commands: [
      `warpforge-train ${trainerArguments('<mount point>').join(' ')}`,
      `warpforge-train ${trainerArguments('<mount point>').join(' ')} --from-memory`,
    ],
  };
}

function trainerArguments(root: string): string[] {
  return ['run', '--train-root', root, '--steps', String(STEPS), '--batch-size', String(BATCH_SIZE), '--json'];
}

function trainer(name: string, root: string, extra: readonly string[]): Contender {
  return {
    name,
    async measure() {
      const { stdout } = await run(process.execPath, [TRAINER, ...trainerArguments(root), ...extra]);
      const summary = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { readonly imagesPerSec: number };
      return summary.imagesPerSec;
    },
  };
}

/** Writes 8,000 digits of 28 x 28 pixels as shards. */
export async function writeDigits(directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const digits = await openDigits();
  await using writer = new ShardWriter({ directory, pattern: 'shard-%06d.tar', maxCount: IMAGES_PER_SHARD });
  let count = 0;
  for await (const { jpeg, label } of encodeImages(digits.train.images(), digits)) {
    await writer.write({ __key__: String(count++).padStart(8, '0'), jpg: jpeg, cls: label });
  }
}
