import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mountRclone, mountWarpdrive } from './mounts.ts';
import { compareWithNative, compareWithPeer, FILE_NAME, type Progress, writeOrigin } from './reading.ts';
import { compareTraining } from './training.ts';
import type { Verdict } from './verdict.ts';

/** Peak resident memory of the daemon over filling its cache and serving it. */
const MEMORY_BAR_MIB = 400;

/** Reads through the mount against the native file and rclone, memory of the daemon, training through the mount. */
export async function measureMount(progress: Progress): Promise<Verdict[]> {
  const folder = await mkdtemp(join(tmpdir(), 'warpforge-bench-'));
  try {
    const origin = join(folder, 'origin');
    await mkdir(origin);
    progress('Writing the file to read');
    await writeOrigin(origin);
    return [...(await measureReading(origin, folder, progress)), await compareTraining(join(folder, 'training'), progress)];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureReading(origin: string, folder: string, progress: Progress): Promise<Verdict[]> {
  progress('Mounting: warpdrive with passthrough, warpdrive without, rclone');
  await using passing = await mountWarpdrive(origin, join(folder, 'passthrough'), 'auto');
  await using serving = await mountWarpdrive(origin, join(folder, 'daemon'), 'off');
  await using peer = await mountRclone(origin, join(folder, 'rclone'), FILE_NAME);
  const verdicts = [...(await compareWithNative(origin, passing, progress)), ...(await compareWithPeer(serving, peer, progress))];
  verdicts.push({
    question: 'Peak resident memory of the daemon, after filling its cache and serving all reads above',
    value: (await serving.peakMemory()) / 1024 ** 2,
    bar: MEMORY_BAR_MIB,
    sense: 'at-most',
    unit: 'MiB',
    series: [],
    seriesUnit: 'MiB',
    commands: ['grep VmHWM /proc/<pid of warpdrive serve>/status'],
  });
  return verdicts;
}
