import {
  awaitJob,
  ItemRecords,
  JobRecords,
  ManifestPages,
  noLauncher,
  openMounter,
  runManager,
  runWorker,
  systemClock,
  WorkerBeacons,
  type CacheWarmerStorage,
  type OnEvent,
  type WorkerOptions,
} from '@warpforge/cache-warmer';
import { randomUUID } from 'node:crypto';

/** A worker of a storage, with its defaults. */
export function workerOptions(storage: CacheWarmerStorage, name: string, onEvent: OnEvent): WorkerOptions {
  const jobs = new JobRecords(storage.records);
  const pages = new ManifestPages(storage.records);
  return {
    name,
    work: storage.work,
    workPoison: storage.workPoison,
    items: new ItemRecords(storage.records),
    beacons: new WorkerBeacons(storage.records),
    readJob: async (job, signal) => (await jobs.read(job, signal))?.warmJob,
    page: (...which) => pages.page(...which),
    mounter: openMounter(),
    onEvent,
    clock: systemClock,
    random: Math.random,
  };
}

/** A manager that ends with its jobs. */
export async function manage(storage: CacheWarmerStorage, onEvent: OnEvent, signal: AbortSignal): Promise<void> {
  await runManager(
    {
      storage,
      mounter: openMounter(),
      launcher: noLauncher,
      limits: { maxWorkers: 0, itemsPerWorker: 1, idleSeconds: 60 },
      maxInstanceHours: undefined,
      once: false,
      clock: systemClock,
      newId: randomUUID,
      onEvent,
    },
    signal,
  );
}

/** What a job took in a process of its own queue. */
export interface WarmTime {
  /** Milliseconds of walking, splitting and sending, and of reading from the first item to the last: without the waits between looks. */
  readonly working: number;
  /** Milliseconds from the message to the report. */
  readonly total: number;
}

/** Warms a job with a manager and a worker in this process. */
export async function warmInOneProcess(storage: CacheWarmerStorage, job: string): Promise<WarmTime> {
  const { signal } = new AbortController();
  await storage.create(signal);
  const stop = new AbortController();
  const faults: unknown[] = [];
  const at = { taken: 0, queued: 0, first: 0, last: 0 };
  const onEvent: OnEvent = ({ kind, ...event }) => {
    const now = performance.now();
    if (kind === 'trouble' && 'error' in event) faults.push(event.error);
    else if (kind === 'job-taken') at.taken = now;
    else if (kind === 'job-queued') at.queued = now;
    else if (kind === 'item-started') at.first ||= now;
    else if (kind === 'item-done') at.last = now;
  };
  const services = [
    manage(storage, onEvent, stop.signal).catch((error: unknown) => {
      if (!stop.signal.aborted) faults.push(error);
    }),
    runWorker(workerOptions(storage, 'bench', onEvent), stop.signal),
  ];
  const started = performance.now();
  const id = await storage.jobs.send(job, signal);
  const report = await awaitJob(new JobRecords(storage.records), id, { clock: systemClock, onProgress: () => undefined }, signal);
  const total = performance.now() - started;
  stop.abort();
  await Promise.all(services);
  if (report.state !== 'warm' || faults.length > 0) throw new Error(`the job is ${report.state}`, { cause: faults[0] ?? report.failed });
  // Items that are read while the last ones are still being sent count once.
  return { working: at.queued - at.taken + (at.last - Math.max(at.first, at.queued)), total };
}
