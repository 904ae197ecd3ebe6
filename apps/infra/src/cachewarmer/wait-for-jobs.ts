import type { CacheWarmerStorage, JobProgress, JobReport } from '@warpforge/cache-warmer';
import { formatBytes, formatCount, formatDuration, formatRate } from '../format.ts';
import { Interrupted } from '../interrupt.ts';
import { progressView } from '../progress.ts';

/** So many jobs are looked at, each once a second; more of them wait for a manager anyway. */
const WATCHED_JOBS = 16;

/**
 * Waits for the reports of jobs, shows in one bar how far they are, and prints the reports in the order of the ids: for people, or as one
 * line of JSON each.
 */
export async function waitForJobs(
  storage: CacheWarmerStorage,
  ids: readonly string[],
  { json }: { readonly json: boolean },
  signal: AbortSignal,
): Promise<JobReport[]> {
  const { awaitJob, JobRecords, summarise, systemClock } = await import('@warpforge/cache-warmer');
  const records = new JobRecords(storage.records);
  const reports = new Map<string, JobReport>();
  const progress = new Map<string, JobProgress>();
  const view = await progressView(process.stderr, 'warming');
  const show = (): void => {
    const running = [...progress].filter(([id]) => !reports.has(id)).map(([, known]) => known);
    const sum = sumOf(running, [...reports.values()]);
    view.update({
      done: sum.doneBytes,
      total: Math.max(1, sum.bytes),
      text: describe(ids.length, reports.size, running, sum, systemClock.now()),
    });
  };
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  const left = ids.values();
  const watch = async (): Promise<void> => {
    for (const id of left) {
      const onProgress = (known: JobProgress | undefined): void => {
        if (known !== undefined) progress.set(id, known);
        show();
      };
      reports.set(id, await awaitJob(records, id, { clock: systemClock, onProgress }, stop));
    }
  };
  try {
    const watches = Array.from({ length: Math.min(WATCHED_JOBS, ids.length) }, watch);
    await Promise.all(watches).catch(async (error: unknown) => {
      failed.abort(error);
      await Promise.allSettled(watches);
      throw error;
    });
  } catch (error) {
    if (error instanceof Interrupted) process.stderr.write(goesOn(ids));
    throw error;
  } finally {
    view.finish();
  }
  const inOrder = ids.flatMap((id) => reports.get(id) ?? []);
  for (const report of inOrder) process.stdout.write(json ? `${JSON.stringify(report)}\n` : summarise(report));
  return inOrder;
}

function goesOn([id = '', ...others]: readonly string[]): string {
  const status = 'warpforge-infra cachewarmer status';
  return others.length === 0
    ? `The job goes on; "${status} --job ${id}" shows how far it is.\n`
    : `The jobs go on; "${status}" shows how far they are.\n`;
}

type Sum = Pick<JobProgress, 'files' | 'bytes' | 'items' | 'doneItems' | 'doneBytes' | 'failedItems'>;

/** Of running jobs and ended ones together; a report has no items. */
function sumOf(running: readonly JobProgress[], ended: readonly JobReport[]): Sum {
  const sum = { files: 0, bytes: 0, items: 0, doneItems: 0, doneBytes: 0, failedItems: 0 };
  for (const job of running) {
    sum.files += job.files;
    sum.bytes += job.bytes;
    sum.items += job.items;
    sum.doneItems += job.doneItems;
    sum.doneBytes += job.doneBytes;
    sum.failedItems += job.failedItems;
  }
  for (const { files, bytes, failedCount } of ended) {
    sum.files += files;
    sum.bytes += bytes;
    sum.doneBytes += bytes;
    sum.failedItems += failedCount;
  }
  return sum;
}

function describe(jobs: number, ended: number, running: readonly JobProgress[], sum: Sum, now: number): string {
  const { files, bytes, items, doneItems, doneBytes, failedItems } = sum;
  const parts = jobs === 1 ? [] : [`${ended}/${jobs} jobs`];
  if (running.length === 0) return [...parts, 'waiting for a manager'].join(' | ');
  const isWalking = running.some(({ phase }) => phase === 'walking');
  if (isWalking) parts.push(`walking: ${formatCount(files, 'file')}, ${formatBytes(bytes)}`);
  if (isWalking && doneBytes === 0) return parts.join(' | ');
  const elapsed = now - Math.min(...running.map(({ startedAt }) => Date.parse(startedAt)));
  const rate = running.reduce((all, job) => all + job.doneBytes, 0);
  parts.push(`${formatBytes(doneBytes)} of ${formatBytes(bytes)}`, `${doneItems}/${items} items`, formatRate(rate, elapsed));
  if (failedItems > 0) parts.push(`${failedItems} failed`);
  // What waits or is walked still makes it longer.
  const allKnown = !isWalking && ended + running.length === jobs;
  const left = allKnown && rate > 0 ? (elapsed * (bytes - doneBytes)) / rate : 0;
  if (left > 0) parts.push(`ETA ${formatDuration(left)}`);
  return parts.join(' | ');
}
