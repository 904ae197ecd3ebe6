import { availableParallelism } from 'node:os';
import { Option, type Command } from 'commander';
import { openLauncher, type LauncherOptions } from '../../cachewarmer/open-launcher.ts';
import { addMountOptions, openMounter, type MountOptions } from '../../cachewarmer/mount-options.ts';
import { logEvents, openLog, tellAll, type LogFormat } from '../../cachewarmer/service-log.ts';
import { openServiceMetrics } from '../../cachewarmer/service-metrics.ts';
import { parsePositive, parsePositiveInteger } from '../../cachewarmer/positive-number.ts';
import { addStorageOptions, openCacheWarmerStorage, type StorageOptions } from '../../cachewarmer/storage-options.ts';
import { interruptible, Interrupted } from '../../interrupt.ts';

const EXAMPLES = `
Takes jobs from the queue <prefix>job, walks their targets, splits them into work for the queue <prefix>work, keeps as many workers as the work
needs, and writes a report for each job. Several managers may run: each job is done by one of them, and taken over when that one ends.

Launchers: vmss raises and empties the scale set that "cachewarmer provision" made; local starts workers as processes of this machine; none
leaves the workers to something else, such as KEDA.

Exit codes: 0 stopped by a signal, or with --once every job has ended; 1 failed; 2 wrong usage.

Examples:
  $ warpforge-infra cachewarmer manager --launcher vmss --storage-account cwstore --scale-set cachewarmer-workers --resource-group cw-rg
  $ warpforge-infra cachewarmer manager --launcher local --workers 2 --once        with AZURE_STORAGE_CONNECTION_STRING of Azurite`;

interface ManagerOptions extends StorageOptions, MountOptions, LauncherOptions {
  readonly workers: number;
  readonly idleSeconds: number;
  readonly maxInstanceHours?: number;
  readonly once?: true;
  readonly metrics?: string;
  readonly logFormat: LogFormat;
}

/** So many items are on their way in a worker anyway, and another worker is worth its start only for more. */
const ITEMS_PER_WORKER = 4;

/** Ends with the work of a job that has just ended, and stays for one that follows soon. */
const DEFAULT_IDLE_SECONDS = 60;

/** `cachewarmer manager`: the service that turns jobs into work. */
export function addManagerCommand(group: Command): void {
  const command = group.command('manager').description('run the manager: takes jobs, splits them, and keeps the workers');
  addMountOptions(addStorageOptions(command), '/mnt/cachewarmer-manager')
    .addOption(new Option('--launcher <kind>', 'how workers are started').choices(['vmss', 'local', 'none']).makeOptionMandatory())
    .addOption(
      new Option('--workers <n>', 'the most workers at a time').env('CACHEWARMER_MAX_WORKERS').argParser(parsePositiveInteger).default(8),
    )
    .addOption(
      new Option('--idle-seconds <n>', 'workers without work end after this time').argParser(parsePositive).default(DEFAULT_IDLE_SECONDS),
    )
    .addOption(
      new Option('--max-instance-hours <n>', 'a job that has used so much ends incomplete (default: no limit)')
        .env('CACHEWARMER_MAX_INSTANCE_HOURS')
        .argParser(parsePositive),
    )
    .addOption(new Option('--scale-set <name>', 'scale set of the workers, for vmss').env('CACHEWARMER_SCALE_SET'))
    .addOption(new Option('--resource-group <name>', 'resource group of the scale set').env('CACHEWARMER_RESOURCE_GROUP'))
    .addOption(new Option('--subscription-id <id>', 'subscription of the scale set').env('AZURE_SUBSCRIPTION_ID'))
    .option('--once', 'end when every job has ended')
    .addOption(new Option('--metrics <address>', 'serve /metrics and /healthz there, such as 127.0.0.1:9091').env('CACHEWARMER_METRICS'))
    .addOption(new Option('--log-format <format>', 'how to log').choices(['text', 'json']).default('text'))
    .addHelpText('after', EXAMPLES)
    .action(async (options: ManagerOptions) => {
      try {
        await interruptible((signal) => serve(options, signal));
      } catch (error) {
        // A service that is told to stop has done what it should.
        if (!(error instanceof Interrupted)) throw error;
      }
    });
}

async function serve(options: ManagerOptions, signal: AbortSignal): Promise<void> {
  const { runManager, systemClock } = await import('@warpforge/cache-warmer');
  const log = await openLog(options.logFormat);
  const storage = await openCacheWarmerStorage(options, signal);
  await using metrics = await openServiceMetrics(options.metrics);
  await using launcher = await openLauncher(
    options,
    (worker, line) => process.stderr.write(`[${worker}] ${line}\n`),
    (problem) => log.warn({ error: problem.message }, 'fewer workers than asked for'),
  );
  const { once, workers: maxWorkers, idleSeconds, maxInstanceHours } = options;
  log.info({ prefix: storage.prefix, launcher: options.launcher, cpus: availableParallelism(), metrics: metrics.url }, 'manager started');
  await runManager(
    {
      storage,
      launcher,
      mounter: await openMounter(options),
      limits: { maxWorkers, idleSeconds, itemsPerWorker: ITEMS_PER_WORKER },
      maxInstanceHours,
      once: once === true,
      clock: systemClock,
      newId: () => crypto.randomUUID(),
      onEvent: tellAll(logEvents(log), metrics.onEvent),
    },
    signal,
  );
  log.info({}, 'manager stopped');
}
