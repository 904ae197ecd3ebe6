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

/** Warms a job with a manager and a worker in this process. @returns milliseconds from the sending of the message to its report. */
export async function warmInOneProcess(storage: CacheWarmerStorage, job: string): Promise<number> {
  const { signal } = new AbortController();
  await storage.create(signal);
  const stop = new AbortController();
  const faults: unknown[] = [];
  const onEvent: OnEvent = (event) => {
    if (event.kind === 'trouble') faults.push(event.error);
  };
  const working = [
    manage(storage, onEvent, stop.signal).catch((error: unknown) => {
      if (!stop.signal.aborted) faults.push(error);
    }),
    runWorker(workerOptions(storage, 'bench', onEvent), stop.signal),
  ];
  const started = performance.now();
  const id = await storage.jobs.send(job, signal);
  const report = await awaitJob(new JobRecords(storage.records), id, { clock: systemClock, onProgress: () => undefined }, signal);
  const ended = Date.parse(report.endedAt) - Date.parse(report.startedAt);
  const waited = performance.now() - started;
  stop.abort();
  await Promise.all(working);
  if (report.state !== 'warm' || faults.length > 0) throw new Error(`the job is ${report.state}`, { cause: faults[0] ?? report.failed });
  // Looks for a new job and for the report come at intervals; what they add is no work.
  return Math.min(ended, waited);
}
