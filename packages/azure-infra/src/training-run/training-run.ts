import type { Clock } from '../clock.ts';
import type { Machine, OutputStream } from '../machine/machine.ts';
import type { InfraSettings } from '../settings/infra-settings.ts';
import { TrainingRunError } from './errors.ts';
import { LogTail } from './log-tail.ts';
import { MountedDaemon } from './mounted-daemon.ts';
import { StepRunner } from './step-runner.ts';

/** Folder of the training shards in every backend. */
const SHARD_FOLDER = 'train';

/** Names of shards: tar files, compressed or not. */
const SHARD = /\.tar(\.\w+)?$/;

/** Shards of a backend whose names are shown. */
const SHARDS_SHOWN = 3;

/** What a run prints. */
export interface RunView {
  /** A step begins. */
  step(title: string): void;
  /** Something about the step. */
  detail(text: string): void;
  /** What a step is for, such as a line of the training. */
  line(text: string): void;
}

/** What is trained, and where. */
export interface TrainingRunOptions {
  readonly machine: Machine;
  /** Configuration of the mount daemon, on the machine. */
  readonly configPath: string;
  /** Whether root mounts, as on a VM, or whoever runs this. Training is never done by root for this. */
  readonly mountAsRoot: boolean;
  /** Folders of programs that come before those of the system. */
  readonly programFolders?: readonly string[];
  readonly training: InfraSettings['training'];
  /** `warm`: warm all shards, then train. `cold`: train at once. `compare`: train twice, with what is in the cache and then again. */
  readonly mode: 'warm' | 'cold' | 'compare';
  readonly view: RunView;
  readonly signal: AbortSignal;
  readonly clock?: Clock;
}

/** What a run came to. */
export interface TrainingRunResult {
  readonly mountPoint: string;
  /** Whether the daemon ran before, and so still does. */
  readonly daemonStays: boolean;
  readonly backends: readonly { readonly name: string; readonly folder: string; readonly shards: number }[];
  /** What `warpforge-train` printed with `--json`: see there. */
  readonly training: unknown;
}

/**
 * Step 5 of the deployment guide: mount, list the shards, warm the cache, train, unmount. Where a step fails, or the signal is aborted, the
 * rest is left out, and what was started is ended before this rejects.
 *
 * @throws {TrainingRunError}; the reason of the signal; what {@link Machine.run} throws.
 */
export async function runTraining(options: TrainingRunOptions): Promise<TrainingRunResult> {
  const { machine, view, configPath, mountAsRoot, programFolders = [], clock, signal } = options;
  const steps = new StepRunner(machine, programFolders);
  view.step('Starting WarpDrive FUSE mount...');
  const daemon = await MountedDaemon.open({ machine, steps, programFolders, configPath, asRoot: mountAsRoot, signal, clock });
  view.detail(`warpdrive PID: ${daemon.status.pid}${daemon.wasRunning ? ' (was running before, and stays)' : ''}`);
  view.detail(`Mount ready: ${daemon.mountPoint}`);
  let result: TrainingRunResult;
  try {
    result = await trainOn(daemon, steps, options, AbortSignal.any([signal, daemon.ended]));
  } catch (error) {
    await closeAfter(error, daemon, view);
    throw error;
  }
  view.step(daemon.wasRunning ? 'Training complete.' : 'Training complete. Unmounting WarpDrive...');
  await daemon.close();
  view.line('Done.');
  return result;
}

/** The first error is the one to tell; a second one, that the mount is still there, comes with it. */
async function closeAfter(error: unknown, daemon: MountedDaemon, view: RunView): Promise<void> {
  if (!daemon.wasRunning) view.step('Unmounting WarpDrive...');
  try {
    await daemon.close();
  } catch (left) {
    throw new AggregateError([error, left], 'the run failed, and the mount could not be taken away:');
  }
}

async function trainOn(
  daemon: MountedDaemon,
  steps: StepRunner,
  { view, configPath, mountAsRoot, training, mode }: TrainingRunOptions,
  signal: AbortSignal,
): Promise<TrainingRunResult> {
  const detail = (_stream: OutputStream, line: string): true => {
    view.detail(line);
    return true;
  };
  let outcome: unknown;
  const line = (stream: OutputStream, text: string): true => {
    const json = stream === 'stdout' ? parseObject(text) : undefined;
    if (json === undefined) view.line(text);
    else outcome = json;
    return true;
  };

  view.step('Mount contents:');
  view.line(daemon.status.backends.map(({ mountPath }) => mountPath.slice(1)).join('  '));
  const backends: { name: string; folder: string; shards: number }[] = [];
  for (const { name, mountPath } of daemon.status.backends) {
    const folder = `${daemon.mountPoint}${mountPath}/${SHARD_FOLDER}`;
    backends.push({ name, folder, shards: await listShards(name, folder, steps, view, signal) });
  }

  if (mode === 'warm') {
    for (const { name } of backends) {
      view.step(`Warming cache (${name})...`);
      const command = ['warpdrive', 'warm', '--config', configPath, '--backend', name, '--prefix', `${SHARD_FOLDER}/`] as const;
      await steps.run({ name: `warming ${name}`, command, asRoot: mountAsRoot, onLine: detail }, signal);
    }
  }

  view.step('Starting warpforge-train...');
  const command = [
    ...(['warpforge-train', mode === 'compare' ? 'compare' : 'run'] as const),
    ...backends.flatMap(({ folder }) => ['--train-root', folder]),
    ...['--steps', String(training.steps), '--batch-size', String(training.batchSize), '--num-workers', String(training.workers)],
    '--json',
  ] as const;
  await steps.run({ name: 'training', command, onLine: line }, signal);
  return { mountPoint: daemon.mountPoint, daemonStays: daemon.wasRunning, backends, training: outcome };
}

function parseObject(text: string): unknown {
  if (!text.startsWith('{')) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // Something else that begins like it.
    return undefined;
  }
}

/** Shows the shards of a backend and counts them. */
async function listShards(name: string, folder: string, steps: StepRunner, view: RunView, signal: AbortSignal): Promise<number> {
  const first: string[] = [];
  let count = 0;
  const onLine = (stream: OutputStream, line: string): boolean => {
    if (stream === 'stderr') return false;
    if (SHARD.test(line)) {
      count += 1;
      if (first.length < SHARDS_SHOWN) first.push(line);
    }
    return true;
  };
  const step = { name: `listing the shards of ${name}`, command: ['ls', '-1', '--', folder], onLine } as const;
  const log = new LogTail();
  const code = await steps.exitCode(step, log, signal);
  if (code !== 0 || count === 0) {
    throw new TrainingRunError(
      'RUN_STEP_FAILED',
      `there are no shards to be read in ${folder}: "warpforge-infra dataset" uploads some. Where permission is denied, the configuration of ` +
        `the mount daemon needs allow_other: true${log.text}`,
    );
  }
  view.detail(`${name} shards:`);
  view.line(`${first.join('  ')}${count > first.length ? `  ... (${count} in all)` : ''}`);
  return count;
}
