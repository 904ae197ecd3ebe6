import { z } from 'zod';

const count = z.int().nonnegative();
const rangeSchema = z.object({ start: count, end: count }).readonly();

const jobReportSchema = z.object({
  version: z.literal(1),
  /** Id of the job: that of its message. */
  job: z.string(),
  /** Everything warm; something not; or never begun, because the message was not a job that can be done. */
  state: z.enum(['warm', 'incomplete', 'rejected']),
  /** What was to be warmed, for people: `/animation/scene1 through 10.0.1.11, 10.0.1.12`. */
  target: z.string(),
  /** ISO 8601. */
  submittedAt: z.string(),
  startedAt: z.string(),
  endedAt: z.string(),
  /** From the start of the walk to the end of the last item. */
  seconds: z.number().nonnegative(),
  /** Files of which every byte was read, through every address where the job asks for that. */
  files: count,
  /** Bytes that were read, counted once for each address through which they were asked for. */
  bytes: count,
  bytesPerSecond: z.number().nonnegative(),
  /** By address as in the job: what was read through it. A file in ranges counts where its first range was read. */
  addresses: z.record(z.string(), z.object({ files: count, bytes: count }).readonly()).readonly(),
  /** Files that were left out, by what left them out. */
  skipped: z.object({ inclusion: count, exclusion: count, size: count, links: count, special: count }).readonly(),
  /** The first 10,000 of what is not warm. */
  failed: z.array(z.object({ path: z.string(), reason: z.string(), range: rangeSchema.optional() }).readonly()).readonly(),
  /** How many there are in all. */
  failedCount: count,
  /** What the job used of instances, in hours. */
  instanceHours: z.number().nonnegative(),
});

/** The result of a job. Kept as JSON, the same that `submit --wait --json` prints. */
export type JobReport = Readonly<z.infer<typeof jobReportSchema>>;

/** Reads a report. Throws where it is none. */
export function parseJobReport(body: Buffer): JobReport {
  return jobReportSchema.parse(JSON.parse(body.toString('utf8')));
}
