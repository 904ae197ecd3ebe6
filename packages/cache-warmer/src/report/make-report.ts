import { describeTarget } from '../job/warm-job.ts';
import { targetSources } from '../job/target-sources.ts';
import type { FileFailure, Manifest } from '../manifest/manifest.ts';
import type { OutcomeSet } from '../records/outcome-set.ts';
import type { AcceptedJob } from '../records/job-records.ts';
import type { JobReport } from './job-report.ts';

/** A report stays readable, and in memory; the records have the rest. */
export const FAILURES_KEPT = 10_000;

/** What a report is made from. */
export interface ReportParts {
  readonly job: AcceptedJob;
  readonly manifest: Manifest;
  readonly outcomes: OutcomeSet;
  /** Of all items. */
  readonly failures: AsyncIterable<FileFailure>;
  readonly startedAt: Date;
  readonly endedAt: Date;
  readonly instanceSeconds: number;
}

/** The report of a job of which every item has a record. */
export async function makeReport({
  job,
  manifest,
  outcomes,
  failures,
  startedAt,
  endedAt,
  instanceSeconds,
}: ReportParts): Promise<JobReport> {
  const failed: FileFailure[] = manifest.unreadable.slice(0, FAILURES_KEPT);
  let failedCount = manifest.unreadableCount;
  let failedFiles = 0;
  // A file is in several items when it was cut into ranges, or is read through every address.
  const seen = new Set<string>();
  for await (const failure of failures) {
    failedCount += 1;
    if (failed.length < FAILURES_KEPT) failed.push(failure);
    if (failure.range === undefined && !job.warmJob.throughAllAddresses) failedFiles += 1;
    else if (!seen.has(failure.path)) {
      seen.add(failure.path);
      failedFiles += 1;
    }
  }
  const seconds = Math.max(0, (endedAt.getTime() - startedAt.getTime()) / 1000);
  const { bytes } = outcomes;
  const read = outcomes.addresses;
  return {
    version: 1,
    job: job.id,
    state: failedCount === 0 ? 'warm' : 'incomplete',
    target: describeTarget(job.warmJob.target),
    submittedAt: job.submittedAt.toISOString(),
    startedAt: startedAt.toISOString(),
    endedAt: endedAt.toISOString(),
    seconds,
    files: manifest.files - failedFiles,
    bytes,
    bytesPerSecond: seconds > 0 ? Math.round(bytes / seconds) : 0,
    addresses: Object.fromEntries(
      targetSources(job.warmJob.target).map(({ address }, index) => [address, read[index] ?? { files: 0, bytes: 0 }]),
    ),
    skipped: manifest.skipped,
    failed,
    failedCount,
    instanceHours: instanceSeconds / 3600,
  };
}

/** The report of a job that never had a manifest: the message was not a job, or its target cannot be reached. */
export function rejectedReport(parts: {
  readonly id: string;
  readonly target: string;
  readonly submittedAt: Date;
  readonly endedAt: Date;
  readonly reason: string;
}): JobReport {
  const { id, target, submittedAt, endedAt, reason } = parts;
  return {
    version: 1,
    job: id,
    state: 'rejected',
    target,
    submittedAt: submittedAt.toISOString(),
    startedAt: endedAt.toISOString(),
    endedAt: endedAt.toISOString(),
    seconds: 0,
    files: 0,
    bytes: 0,
    bytesPerSecond: 0,
    addresses: {},
    skipped: { inclusion: 0, exclusion: 0, size: 0, links: 0, special: 0 },
    failed: [{ path: '/', reason }],
    failedCount: 1,
    instanceHours: 0,
  };
}
