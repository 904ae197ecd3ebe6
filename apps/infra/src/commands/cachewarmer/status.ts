import type { CacheWarmerStorage, JobStatus } from '@warpforge/cache-warmer';
import type { Command } from 'commander';
import { addStorageOptions, openCacheWarmerStorage, type StorageOptions } from '../../cachewarmer/storage-options.ts';
import { CommandError } from '../../failure.ts';
import { formatBytes, formatDuration } from '../../format.ts';
import { interruptible } from '../../interrupt.ts';
import { formatTable } from '../../table.ts';

const EXAMPLES = `
Examples:
  $ warpforge-infra cachewarmer status                        running and ended jobs, queues and workers
  $ warpforge-infra cachewarmer status --job ID               the report of one job
  $ warpforge-infra cachewarmer status --job ID --files       what it has warmed, file by file
  $ warpforge-infra cachewarmer status --json | jq '.jobs[] | select(.state == "incomplete")'`;

interface StatusOptions extends StorageOptions {
  readonly job?: string;
  readonly files?: true;
  readonly json?: true;
}

/** `cachewarmer status`: what runs, what has ended, and how. */
export function addCacheWarmerStatusCommand(group: Command): void {
  const command = group.command('status').description('show running and ended jobs, the queues and the workers');
  addStorageOptions(command)
    .option('--job <id>', 'one job')
    .option('--files', 'with --job: each file, and whether it is warm')
    .option('--json', 'print JSON: one object, with --files one a line')
    .addHelpText('after', EXAMPLES)
    .action(async (options: StatusOptions) => {
      if (options.files === true && options.job === undefined) throw new CommandError('USAGE', '--files needs --job ID');
      await interruptible((signal) => showStatus(options, signal));
    });
}

async function showStatus(options: StatusOptions, signal: AbortSignal): Promise<void> {
  const storage = await openCacheWarmerStorage(options, signal);
  const json = options.json === true;
  if (options.job === undefined) await showAll(storage, json, signal);
  else if (options.files === true) await showFiles(storage, options.job, json, signal);
  else await showJob(storage, options.job, json, signal);
}

async function showJob(storage: CacheWarmerStorage, id: string, json: boolean, signal: AbortSignal): Promise<void> {
  const { JobRecords, jobStatus, summarise } = await import('@warpforge/cache-warmer');
  const status = await jobStatus(new JobRecords(storage.records), id, signal);
  demandKnown(status);
  if (json) process.stdout.write(`${JSON.stringify(status.report ?? runningJson(status))}\n`);
  else process.stdout.write(status.report === undefined ? formatTable(HEADING, [row(status)]) : summarise(status.report));
}

async function showFiles(storage: CacheWarmerStorage, id: string, json: boolean, signal: AbortSignal): Promise<void> {
  const { fileStates, ItemRecords, JobRecords, jobStatus } = await import('@warpforge/cache-warmer');
  demandKnown(await jobStatus(new JobRecords(storage.records), id, signal));
  for await (const file of fileStates(storage.records, new ItemRecords(storage.records), id, signal)) {
    const { state, path, size, range, reason } = file;
    const bytes = range === undefined ? size : range.end - range.start;
    const where = range === undefined ? '' : ` bytes ${range.start} to ${range.end}`;
    const line = `${state.padEnd(6)}  ${formatBytes(bytes).padStart(10)}  ${path}${where}${reason === undefined ? '' : `: ${reason}`}`;
    if (!process.stdout.write(`${json ? JSON.stringify(file) : line}\n`)) {
      await new Promise<void>((resolve) => process.stdout.once('drain', resolve));
    }
  }
}

async function showAll(storage: CacheWarmerStorage, json: boolean, signal: AbortSignal): Promise<void> {
  const { JobRecords, listJobs, WorkerBeacons } = await import('@warpforge/cache-warmer');
  const jobs: JobStatus[] = [];
  for await (const status of listJobs(new JobRecords(storage.records), signal)) jobs.push(status);
  jobs.sort((a, b) => startOf(a).localeCompare(startOf(b)));
  const queues: Record<string, number> = {};
  for (const queue of [storage.jobs, storage.work, storage.jobPoison, storage.workPoison]) {
    queues[queue.name] = await queue.approximateLength(signal);
  }
  const workers = await new WorkerBeacons(storage.records).list(signal);
  if (json) {
    process.stdout.write(`${JSON.stringify({ jobs: jobs.map((job) => job.report ?? runningJson(job)), queues, workers })}\n`);
    return;
  }
  const now = Date.now();
  process.stdout.write(
    jobs.length === 0 ? 'No jobs yet; "warpforge-infra cachewarmer submit" sends one.\n' : formatTable(HEADING, jobs.map(row)),
  );
  process.stdout.write(
    `\n${formatTable(
      ['queue', 'messages'],
      Object.entries(queues).map(([name, length]) => [name, String(length)]),
    )}`,
  );
  if (workers.length === 0) return;
  const ages = workers.map(({ worker, state, since, seenAt }) => [
    worker,
    state,
    formatDuration(now - since.getTime()),
    `${formatDuration(now - seenAt.getTime())} ago`,
  ]);
  process.stdout.write(`\n${formatTable(['worker', 'state', 'for', 'seen'], ages)}`);
}

function demandKnown({ id, job, report }: JobStatus): void {
  if (job !== undefined || report !== undefined) return;
  throw new CommandError(
    'NOT_DONE',
    `no manager has taken on a job ${id}: it may wait on the queue, or have another prefix (--queue-prefix)`,
  );
}

const HEADING = ['job', 'state', 'done', 'bytes', 'failed', 'time', 'target'];

function row({ id, job, progress, report }: JobStatus): string[] {
  if (report !== undefined) {
    const { state, bytes, failedCount, seconds, target, files } = report;
    return [id, state, `${files} files`, formatBytes(bytes), String(failedCount), formatDuration(seconds * 1000), target];
  }
  const done = progress === undefined ? '' : `${progress.doneItems}/${progress.items} items`;
  const bytes = progress === undefined ? '' : `${formatBytes(progress.doneBytes)} of ${formatBytes(progress.bytes)}`;
  const time = progress === undefined ? '' : formatDuration(Date.now() - Date.parse(progress.startedAt));
  return [
    id,
    progress?.phase ?? 'accepted',
    done,
    bytes,
    String(progress?.failedItems ?? 0),
    time,
    job === undefined ? '' : targetText(job),
  ];
}

function runningJson({ id, job, progress }: JobStatus): unknown {
  return { job: id, state: progress?.phase ?? 'accepted', target: job === undefined ? null : targetText(job), progress: progress ?? null };
}

function targetText({ target }: NonNullable<JobStatus['job']>): string {
  return target;
}

function startOf({ progress, report }: JobStatus): string {
  return report?.startedAt ?? progress?.startedAt ?? '';
}
