import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Progress } from '../reading.ts';
import type { Verdict } from '../verdict.ts';
import { measureOverhead } from './overhead.ts';
import { compareReading } from './reading.ts';
import { compareWorkers } from './scaling.ts';

/** All measurements of the CacheWarmer. */
export async function measureCacheWarmer(progress: Progress): Promise<Verdict[]> {
  const folder = await mkdtemp(join(tmpdir(), 'warpforge-bench-'));
  try {
    return [...(await compareReading(folder, progress)), await measureOverhead(folder, progress), await compareWorkers(folder, progress)];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
