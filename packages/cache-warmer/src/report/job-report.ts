import type { FileFailure, SkippedFiles } from '../manifest/manifest.ts';

/** How a job has ended: everything warm, something not, or never begun because the message was not a job. */
export type JobState = 'warm' | 'incomplete' | 'rejected';

/** What was read through one address. */
export interface AddressTotals {
  readonly files: number;
  readonly bytes: number;
}

/** The result of a job. Kept as JSON, the same that `submit --wait --json` prints. */
export interface JobReport {
  readonly version: 1;
  /** Id of the job: that of its message. */
  readonly job: string;
  readonly state: JobState;
  /** What was warmed, for people: `/animation/scene1 through 10.0.1.11, 10.0.1.12`. */
  readonly target: string;
  /** ISO 8601. */
  readonly submittedAt: string;
  readonly startedAt: string;
  readonly endedAt: string;
  /** From the start of the walk to the end of the last item. */
  readonly seconds: number;
  /** Files of which every byte was read. */
  readonly files: number;
  /** Bytes that were read, each counted once for every address that it was asked for through. */
  readonly bytes: number;
  readonly bytesPerSecond: number;
  /** By address as in the job. */
  readonly addresses: Readonly<Record<string, AddressTotals>>;
  readonly skipped: SkippedFiles;
  /** The first 10,000 of what is not warm. */
  readonly failed: readonly FileFailure[];
  /** How many there are in all. */
  readonly failedCount: number;
}
