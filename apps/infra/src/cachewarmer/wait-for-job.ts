import type { CacheWarmerStorage, JobProgress, JobReport } from '@warpforge/cache-warmer';
import { formatBytes, formatCount, formatDuration, formatRate } from '../format.ts';
import { Interrupted } from '../interrupt.ts';
import { progressView } from '../progress.ts';

/** Waits for a job's report, shows how far the job is, and prints the report: for people, or as one line of JSON. */
export async function waitForJob(
  storage: CacheWarmerStorage,
  id: string,
  { json }: { readonly json: boolean },
  signal: AbortSignal,
): Promise<JobReport> {
  const { awaitJob, JobRecords, summarise, systemClock } = await import('@warpforge/cache-warmer');
  const view = await progressView(process.stderr, 'warming');
  try {
    const onProgress = (progress: JobProgress | undefined): void => {
      view.update({
        done: progress?.doneBytes ?? 0,
        total: Math.max(1, progress?.bytes ?? 1),
        text: describe(progress, systemClock.now()),
      });
    };
    const report = await awaitJob(new JobRecords(storage.records), id, { clock: systemClock, onProgress }, signal);
    view.finish();
    process.stdout.write(json ? `${JSON.stringify(report)}\n` : summarise(report));
    return report;
  } catch (error) {
    view.finish();
    if (error instanceof Interrupted) {
      process.stderr.write(`The job goes on; "warpforge-infra cachewarmer status --job ${id}" shows how far it is.\n`);
    }
    throw error;
  }
}

function describe(progress: JobProgress | undefined, now: number): string {
  if (progress === undefined) return 'waiting for a manager';
  const { phase, files, bytes, items, doneItems, doneBytes, failedItems, startedAt } = progress;
  if (phase === 'walking') return `walking: ${formatCount(files, 'file')}, ${formatBytes(bytes)}`;
  const elapsed = now - Date.parse(startedAt);
  const left = doneBytes > 0 ? (elapsed * (bytes - doneBytes)) / doneBytes : undefined;
  const parts = [`${formatBytes(doneBytes)} of ${formatBytes(bytes)}`, `${doneItems}/${items} items`, formatRate(doneBytes, elapsed)];
  if (failedItems > 0) parts.push(`${failedItems} failed`);
  if (left !== undefined && left > 0) parts.push(`ETA ${formatDuration(left)}`);
  return parts.join(' | ');
}
