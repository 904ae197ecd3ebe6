import { z } from 'zod';
import { RecordError } from '../errors.ts';
import { formatWarmJob, parseWarmJobValue, type WarmJob } from '../job/warm-job.ts';
import { parseJobReport, type JobReport } from '../report/job-report.ts';
import { summarise } from '../report/summary.ts';
import { jobName, progressName, REPORT_PREFIX, reportName, summaryName } from './record-names.ts';
import type { RecordLease, RecordStore } from './record-store.ts';

/** A job that a manager has taken on. */
export interface AcceptedJob {
  /** That of its message. */
  readonly id: string;
  readonly warmJob: WarmJob;
  readonly submittedAt: Date;
}

const count = z.int().nonnegative();

const progressSchema = z.object({
  version: z.literal(1),
  phase: z.enum(['walking', 'queueing', 'warming']),
  /** When the walk began, ISO 8601. */
  startedAt: z.string(),
  /** Found so far, or in all once the walk is over. */
  files: count,
  bytes: count,
  items: count,
  /** Of those, the ones with a record. */
  doneItems: count,
  doneBytes: count,
  failedItems: count,
  /** Messages of the items before this one have been sent. */
  sent: count,
  /** Messages of the items from `sent` to this one may have been sent. */
  sending: count,
  /** What the job has used of instances, in seconds. */
  instanceSeconds: z.number().nonnegative(),
});

/** How far a job has come. Only who holds the job's lease writes it. */
export type JobProgress = z.infer<typeof progressSchema>;

const acceptedSchema = z.object({ version: z.literal(1), job: z.string(), warmJob: z.unknown(), submittedAt: z.string() });

/** The records of jobs: what was accepted, how far it is, and how it ended. */
export class JobRecords {
  readonly #store: RecordStore;

  constructor(store: RecordStore) {
    this.#store = store;
  }

  /** Keeps a job; one that was kept before stays as it is. */
  async accept({ id, warmJob, submittedAt }: AcceptedJob, signal: AbortSignal): Promise<void> {
    const warm: unknown = JSON.parse(formatWarmJob(warmJob));
    const body = JSON.stringify({ version: 1, job: id, warmJob: warm, submittedAt: submittedAt.toISOString() });
    await this.#writeNew(jobName(id), body, signal);
  }

  /** @returns undefined when there is no such job. */
  async read(id: string, signal: AbortSignal): Promise<AcceptedJob | undefined> {
    const record = await this.#store.read(jobName(id), {}, signal);
    if (record === undefined) return undefined;
    const { warmJob, submittedAt } = acceptedSchema.parse(parse(record.body));
    return { id, warmJob: parseWarmJobValue(warmJob), submittedAt: new Date(submittedAt) };
  }

  /** Ids of the jobs that were accepted, ended or not. */
  async *ids(signal: AbortSignal): AsyncIterable<string> {
    for await (const { name } of this.#store.list('jobs/', signal)) {
      const id = /^jobs\/([^/]+)\/job\.json$/.exec(name)?.[1];
      if (id !== undefined) yield id;
    }
  }

  /** The right to work on a job. Rejects with `RECORD_LEASED` while another manager has it. */
  lease(id: string, seconds: number, signal: AbortSignal): Promise<RecordLease> {
    return this.#store.lease(jobName(id), seconds, signal);
  }

  /** @returns undefined before the first. */
  async readProgress(id: string, signal: AbortSignal): Promise<{ progress: JobProgress; etag: string } | undefined> {
    const record = await this.#store.read(progressName(id), {}, signal);
    return record === undefined ? undefined : { progress: progressSchema.parse(parse(record.body)), etag: record.etag };
  }

  /** @param etag of the version that it replaces; undefined: the first. Rejects when another manager has written since. @returns the new one. */
  writeProgress(id: string, progress: JobProgress, etag: string | undefined, signal: AbortSignal): Promise<string> {
    const condition = etag === undefined ? ({ ifAbsent: true } as const) : { ifMatch: etag };
    return this.#store.write(progressName(id), JSON.stringify(progress), condition, signal);
  }

  /** Ends a job. A report that is there already stays, and is returned. */
  async publishReport(report: JobReport, signal: AbortSignal): Promise<JobReport> {
    const metadata = { state: report.state, endedat: report.endedAt };
    // The summary first: who sees the report may look for it.
    await this.#writeNew(summaryName(report.job), summarise(report), signal);
    if (await this.#writeNew(reportName(report.job), JSON.stringify(report), signal, metadata)) return report;
    return (await this.readReport(report.job, signal)) ?? report;
  }

  /** @returns undefined while the job goes on, or when there is none. */
  async readReport(id: string, signal: AbortSignal): Promise<JobReport | undefined> {
    const record = await this.#store.read(reportName(id), {}, signal);
    return record === undefined ? undefined : parseJobReport(record.body);
  }

  /** Ids of the jobs that have ended. */
  async *ended(signal: AbortSignal): AsyncIterable<{ id: string; state: string; endedAt: Date }> {
    for await (const { name, metadata, modifiedAt } of this.#store.list(REPORT_PREFIX, signal)) {
      const id = /\/([^/]+)\.json$/.exec(name)?.[1];
      if (id !== undefined) yield { id, state: metadata['state'] ?? 'unknown', endedAt: modifiedAt };
    }
  }

  async #writeNew(name: string, body: string, signal: AbortSignal, metadata: Readonly<Record<string, string>> = {}): Promise<boolean> {
    try {
      await this.#store.write(name, body, { ifAbsent: true, metadata }, signal);
      return true;
    } catch (error) {
      // Under a lease a write without it is refused even where the condition would refuse it.
      if (error instanceof RecordError && (error.code === 'RECORD_EXISTS' || error.code === 'RECORD_LEASED')) return false;
      throw error;
    }
  }
}

function parse(body: Buffer): unknown {
  return JSON.parse(body.toString('utf8'));
}
