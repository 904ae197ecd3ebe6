import type { Clock } from '../clock.ts';
import type { JobProgress, JobRecords } from '../records/job-records.ts';
import type { JobReport } from './job-report.ts';

/** Often enough for a progress bar, seldom enough for many that wait. */
const LOOK_MS = 1_000;
/** A short job ends before the first full wait. */
const FIRST_LOOK_MS = 100;

/**
 * Waits for a job's report. `onProgress` is told how far the job is, also that no manager has taken it yet (undefined). When the wait is
 * aborted the job goes on.
 */
export async function awaitJob(
  jobs: JobRecords,
  id: string,
  { clock, onProgress }: { readonly clock: Clock; readonly onProgress: (progress: JobProgress | undefined) => void },
  signal: AbortSignal,
): Promise<JobReport> {
  for (let look = 0; ; look++) {
    const report = await jobs.readReport(id, signal);
    if (report !== undefined) return report;
    onProgress((await jobs.readProgress(id, signal))?.progress);
    await clock.sleep(Math.min(LOOK_MS, FIRST_LOOK_MS * 2 ** Math.min(look, 10)), signal);
  }
}
