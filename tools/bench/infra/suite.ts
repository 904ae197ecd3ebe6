import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Progress } from '../reading.ts';
import type { Verdict } from '../verdict.ts';
import { measureStartUp } from './start-up.ts';
import { compareUploads } from './upload.ts';

/** All measurements of the provisioner. */
export async function measureInfra(progress: Progress): Promise<Verdict[]> {
  const folder = await mkdtemp(join(tmpdir(), 'warpforge-bench-'));
  try {
    return [...(await measureStartUp(folder, progress)), ...(await compareUploads(folder, progress))];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
