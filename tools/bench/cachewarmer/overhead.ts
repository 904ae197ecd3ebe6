import { openStorage } from '@warpforge/cache-warmer';
import { startAzurite } from '@warpforge/blob-backend/testing';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Progress } from '../reading.ts';
import { median } from '../rounds.ts';
import type { Verdict } from '../verdict.ts';
import { warmInOneProcess } from './one-process.ts';
import { jobOf, writeTree } from './tree.ts';

const FILES = 50_000;
/** Of a byte each, so that hardly anything but queue, manifest, split and records takes the time. */
const FILE_BYTES = 1;
const BAR_MS = 10_000;
const ROUNDS = 5;

/** A whole job of many tiny files over a real queue and real blobs, of Azurite. */
export async function measureOverhead(folder: string, progress: Progress): Promise<Verdict> {
  const question = `A job of ${FILES.toLocaleString('en-US')} files of one byte over Azurite, from its message to its report`;
  progress(question);
  const tree = await writeTree(join(folder, 'tiny'), FILES, FILE_BYTES);
  await using azurite = await startAzurite({ accounts: [{ name: 'bench' }], queues: true });
  const connectionString = azurite.accounts[0]?.connectionString ?? '';
  const values: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const { total: value } = await warmInOneProcess(await openStorage({ prefix: `r${round}`, connectionString }), jobOf(tree));
    progress(`  ${round === 0 ? 'warm-up' : `round ${round}`}  ${Math.round(value)} ms`);
    if (round > 0) values.push(value);
  }
  await rm(tree.node, { recursive: true });
  return {
    question,
    value: median(values),
    bar: BAR_MS,
    sense: 'at-most',
    unit: 'ms',
    series: [{ name: 'message to report', values, median: median(values) }],
    seriesUnit: 'ms',
    commands: ['runManager(…) and runWorker(…) in one process, openStorage({ connectionString: <Azurite> })'],
  };
}
