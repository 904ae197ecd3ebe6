import type { DataSet } from './datasets/data-set.ts';
import type { JobContext } from './job-context.ts';
import type { DemoPlan } from './plan.ts';
import type { ShardReading } from './reading/shard-reading.ts';
import { dropPageCache } from './steps/drop-page-cache.ts';
import { listShards } from './steps/list.ts';
import { reportComparison, reportMetrics } from './steps/report.ts';
import { startStorage, type Storage } from './steps/start-storage.ts';
import { train, type TrainingRun } from './steps/train.ts';
import { uploadShards } from './steps/upload.ts';
import { warmShards } from './steps/warm.ts';
import { writeShards } from './steps/write-shards.ts';

/** What a whole demo came to. */
export interface DemoResult {
  readonly read: ShardReading['read'];
  /** How the kernel is reached: `kernel`, `fuse-native`, or `none` without a mount. */
  readonly transport: string;
  readonly cold: TrainingRun;
  readonly warm: TrainingRun;
}

const STEPS = 10;

/** The main job: from two empty storage accounts to a trained model. What it starts goes to `running`, and has ended when it returns. */
export async function runJob(context: JobContext, running: AsyncDisposableStack, dataSet: DataSet, plan: DemoPlan): Promise<DemoResult> {
  const { supervisor, terminal, work } = context;
  await work.folder('logs');
  terminal.planSteps(STEPS);

  terminal.step('Start Azurite with two storage accounts');
  const storage = running.use(await startStorage(context));

  terminal.step(`Write ${dataSet.name} as WebDataset shards`);
  const shards = await writeShards(context, dataSet, plan);

  terminal.step('Upload even shards to canadacentral and odd ones to westus3');
  await uploadShards(context, storage, shards);
  const dropped = await dropPageCache(storage.folder, supervisor.signal);
  if (dropped) terminal.detail("the accounts' files were dropped from the page cache");

  const reading = running.use(await openReading(context, storage));
  const countersAtStart = await reading.counters();

  terminal.step(reading.read === 'fuse' ? 'List both accounts through the mount' : 'List both accounts');
  await listShards(context, reading, shards);

  terminal.step(`Train ${plan.coldSteps} steps with an empty cache`);
  const cold = await train(context, reading, { name: 'train-cold', steps: plan.coldSteps, evaluate: false });

  terminal.step('Warm the cache');
  await warmShards(context, reading, shards.length);

  terminal.step(`Train ${plan.steps} steps with the warm cache, and evaluate`);
  const warm = await train(context, reading, { name: 'train-warm', steps: plan.steps, evaluate: true });

  terminal.step('Compare');
  reportMetrics(terminal, countersAtStart, await reading.counters());
  terminal.line();
  reportComparison(terminal, cold, warm);

  terminal.step(reading.read === 'fuse' ? 'Unmount, stop everything' : 'Stop everything');
  const { read, transport } = reading;
  await running.disposeAsync();
  terminal.endStep();
  return { read, transport, cold, warm };
}

/** Mounts where that is possible, and says why where it is not. */
async function openReading(context: JobContext, storage: Storage): Promise<ShardReading> {
  const { options, supervisor, terminal, work } = context;
  terminal.step('Mount both accounts');
  let reason = '--read in-process';
  if (options.read === 'auto') {
    const { probeMount } = await import('./reading/mount-probe.ts');
    const { MountedReading } = await import('./reading/mounted.ts');
    const mountPoint = await work.folder('wd');
    const probe = await probeMount(mountPoint, supervisor.signal);
    if (probe.ok) return await MountedReading.open(context, storage, { mountPoint, transport: probe.transport });
    reason = probe.reason;
  }
  terminal.note(`No mount: ${reason}`);
  terminal.note('Reading through the cache in this process instead; the trainer gets copies of the shards.');
  const { InProcessReading } = await import('./reading/in-process.ts');
  return await InProcessReading.open(context, storage);
}
