import { describeTarget } from '../job/warm-job.ts';
import type { JobProgress, JobRecords } from '../records/job-records.ts';
import type { JobReport } from './job-report.ts';

/** A job, and how far it is or how it ended. */
export interface JobStatus {
  readonly id: string;
  /** Undefined for a message that was not a job. */
  readonly job: { readonly target: string; readonly submittedAt: Date } | undefined;
  /** Undefined before a manager has begun. */
  readonly progress: JobProgress | undefined;
  /** Undefined while it goes on. */
  readonly report: JobReport | undefined;
}

/** All jobs that a manager has ever taken on, ended or not, in no certain order. */
export async function* listJobs(jobs: JobRecords, signal: AbortSignal): AsyncIterable<JobStatus> {
  const running = new Set<string>();
  for await (const id of jobs.ids(signal)) running.add(id);
  for await (const { id } of jobs.ended(signal)) {
    running.delete(id);
    yield await jobStatus(jobs, id, signal);
  }
  for (const id of running) yield await jobStatus(jobs, id, signal);
}

/** One job; nothing is known of one that no manager has taken on. */
export async function jobStatus(jobs: JobRecords, id: string, signal: AbortSignal): Promise<JobStatus> {
  const report = await jobs.readReport(id, signal);
  const job = await jobs.read(id, signal);
  const progress = report === undefined ? (await jobs.readProgress(id, signal))?.progress : undefined;
  return { id, job: job && { target: describeTarget(job.warmJob.target), submittedAt: job.submittedAt }, progress, report };
}
