import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Progress } from '../reading.ts';
import type { Verdict } from '../verdict.ts';
import { compareDecoding } from './decoding.ts';
import { measureHeapGrowth } from './heap-growth.ts';
import { compareTarScan } from './tar-scan.ts';
import { compareTrainingSteps } from './training-steps.ts';

/** All measurements of the library and of the trainer on it. Everything is read from the page cache. */
export async function measureWebdataset(progress: Progress): Promise<Verdict[]> {
  const folder = await mkdtemp(join(tmpdir(), 'warpforge-bench-'));
  try {
    return [
      ...(await compareTarScan(folder, progress)),
      ...(await compareDecoding(folder, progress)),
      ...(await compareTrainingSteps(folder, progress)),
      await measureHeapGrowth(progress),
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
