import { hostname } from 'node:os';
import { Option, type Command } from 'commander';
import { addMountOptions, openMounter, type MountOptions } from '../../cachewarmer/mount-options.ts';
import { parsePositive, parsePositiveInteger, parseSize } from '../../cachewarmer/positive-number.ts';
import { logEvents, openLog, tellAll, type LogFormat } from '../../cachewarmer/service-log.ts';
import { openServiceMetrics } from '../../cachewarmer/service-metrics.ts';
import { addStorageOptions, openCacheWarmerStorage, type StorageOptions } from '../../cachewarmer/storage-options.ts';
import { Interrupted, interruptible } from '../../interrupt.ts';

const EXAMPLES = `
Takes work from the queue <prefix>work and reads it. Work that is not done when the worker is stopped, evicted or killed is done by another
one, from where this one was. On SIGTERM and on the notice of a Spot eviction it hands its work back at once.

Exit codes: 0 stopped by a signal or by an eviction, or without work for --idle-exit-seconds; 1 failed; 2 wrong usage.

Examples:
  $ warpforge-infra cachewarmer worker --storage-account cwstore
  $ warpforge-infra cachewarmer worker --storage-account cwstore --idle-exit-seconds 30      for KEDA and batch systems
  $ warpforge-infra cachewarmer worker --storage-account cwstore --bandwidth 200MiB --concurrency 16`;

/** Of Azure's instance metadata service; `off` where there is none. */
const IMDS = 'http://169.254.169.254';

interface WorkerOptions extends StorageOptions, MountOptions {
  readonly name?: string;
  readonly concurrency?: number;
  readonly readSize?: number;
  readonly bandwidth?: number;
  readonly leaseSeconds?: number;
  readonly idleExitSeconds?: number;
  readonly imds: string;
  readonly metrics?: string;
  readonly logFormat: LogFormat;
}

/** `cachewarmer worker`: the service that reads. */
export function addWorkerCommand(group: Command): void {
  const command = group.command('worker').description('run a worker: takes work from the queue and reads it');
  addMountOptions(addStorageOptions(command), '/mnt/cachewarmer')
    .option('--name <name>', 'name under which it reports (default: that of the VM, else of the host)')
    .addOption(option('--concurrency <n>', 'files read at a time (default: 2 for each CPU, at least 4)', parsePositiveInteger))
    .addOption(option('--read-size <size>', 'bytes of one read (default: 1MiB)', parseSize))
    .addOption(option('--bandwidth <size>', 'most bytes a second (default: no limit)', parseSize))
    .addOption(option('--lease-seconds <n>', 'time after which the work of a worker that died is taken over (default: 60)', parsePositive))
    .option('--idle-exit-seconds <n>', 'end when there was no work for this time (default: wait for more)', parsePositive)
    .addOption(new Option('--imds <url>', 'metadata service that tells of Spot evictions; off: none').env('CACHEWARMER_IMDS').default(IMDS))
    .addOption(new Option('--metrics <address>', 'serve /metrics and /healthz there, such as 127.0.0.1:9092').env('CACHEWARMER_METRICS'))
    .addOption(new Option('--log-format <format>', 'how to log').choices(['text', 'json']).default('text'))
    .addHelpText('after', EXAMPLES)
    .action(async (options: WorkerOptions) => {
      try {
        await interruptible((signal) => work(options, withParent(signal)));
      } catch (error) {
        if (!(error instanceof Interrupted)) throw error;
      }
      // A thread that waits for a file server that hangs must not keep the process.
      process.exit();
    });
}

/** An option that a manager's own workers, and services, get by a variable: `--lease-seconds` by `CACHEWARMER_LEASE_SECONDS`. */
function option(flags: string, description: string, parse: (text: string) => number): Option {
  const made = new Option(flags, description).argParser(parse);
  return made.env(`CACHEWARMER_${made.name().replaceAll('-', '_').toUpperCase()}`);
}

async function work(options: WorkerOptions, stop: AbortSignal): Promise<void> {
  const { ItemRecords, JobRecords, ManifestPages, readMachineName, runWorker, ScheduledEvents, systemClock, WorkerBeacons } =
    await import('@warpforge/cache-warmer');
  const { imds, concurrency, leaseSeconds, readSize, bandwidth: bytesPerSecond, idleExitSeconds } = options;
  const log = await openLog(options.logFormat);
  const storage = await openCacheWarmerStorage(options, stop);
  await using metrics = await openServiceMetrics(options.metrics);
  const onEvent = tellAll(logEvents(log), metrics.onEvent);
  await using services = new AsyncDisposableStack();
  const events = imds === 'off' ? undefined : services.use(new ScheduledEvents({ base: imds, clock: systemClock, onEvent }));
  const ofMachine = imds === 'off' ? undefined : await readMachineName(imds, stop);
  const name = options.name ?? ofMachine ?? hostname();
  const jobs = new JobRecords(storage.records);
  const pages = new ManifestPages(storage.records);
  log.info({ name, prefix: storage.prefix, metrics: metrics.url }, 'worker started');
  const { reason } = await runWorker(
    {
      name,
      work: storage.work,
      workPoison: storage.workPoison,
      items: new ItemRecords(storage.records),
      beacons: new WorkerBeacons(storage.records),
      readJob: async (job, signal) => (await jobs.read(job, signal))?.warmJob,
      page: (...which) => pages.page(...which),
      mounter: await openMounter(options),
      onEvent,
      clock: systemClock,
      random: Math.random,
      ...defined({ concurrency, leaseSeconds, readSize, bytesPerSecond, idleExitSeconds, preemption: events?.notice }),
    },
    stop,
  );
  log.info({ reason }, 'worker stopped');
}

/** Aborts at a signal, and for a worker of a manager on this machine when that is gone. */
function withParent(signal: AbortSignal): AbortSignal {
  if (process.channel === undefined) return signal;
  const orphaned = new AbortController();
  process.once('disconnect', () => orphaned.abort(new Error('the manager is gone')));
  // The channel alone keeps no process.
  process.channel.unref();
  return AbortSignal.any([signal, orphaned.signal]);
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Without the values that are undefined, so that defaults hold. */
function defined<T extends object>(values: T): Defined<T>;
function defined(values: object): object {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
