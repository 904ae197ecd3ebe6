import type { JobReport, WarmJob } from '@warpforge/cache-warmer';
import { InvalidArgumentError, type Command } from 'commander';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { addStorageOptions, openCacheWarmerStorage, type StorageOptions } from '../../cachewarmer/storage-options.ts';
import { waitForJobs } from '../../cachewarmer/wait-for-jobs.ts';
import { codeOf, CommandError, EXIT } from '../../failure.ts';
import { interruptible } from '../../interrupt.ts';

const EXAMPLES = `
The job is the JSON of the CacheWarmer (keys WarmTargetMountAddresses, WarmTargetExportPath, WarmTargetPath, ...), or the flags that say the
same. A mount address is a host that exports NFS, or file:///dir, a directory that is mounted already.

Exit codes: 0 sent, or with --wait everything is warm; 1 something is not warm, and is listed; 2 the job is not valid; 130 Ctrl-C, after which
the job goes on.

Examples:
  $ warpforge-infra cachewarmer submit --job job.json --wait
  $ warpforge-infra cachewarmer submit --warm-target-mount-addresses 10.0.1.11,10.0.1.12 --warm-target-export-path /animation \\
      --warm-target-path /scene1 --exclusion-csv '*.tmp,*.bak' --wait
  $ warpforge-infra cachewarmer submit --warm-target-backend datasets-cac --warm-target-prefix train/ --wait --json | tail -1 | jq .failed`;

interface SubmitOptions extends StorageOptions, JobFlags {
  readonly job?: string;
  readonly wait?: true;
  readonly json?: true;
}

interface JobFlags {
  readonly warmTargetMountAddresses?: readonly string[];
  readonly warmTargetExportPath?: string;
  readonly warmTargetPath?: string;
  readonly warmTargetBackend?: string;
  readonly warmTargetPrefix?: string;
  readonly allAddresses?: true;
  readonly inclusionCsv?: readonly string[];
  readonly exclusionCsv?: readonly string[];
  readonly maxFileSizeBytes?: number;
}

/** `cachewarmer submit`: puts a job on the queue, and waits for its end when asked to. */
export function addSubmitCommand(group: Command): void {
  const command = group.command('submit').description('send a warm job to the manager, and wait for its report');
  addStorageOptions(command)
    .option('--job <file>', 'the job as JSON; - reads standard input')
    .option('--warm-target-mount-addresses <list>', 'addresses that serve the export, separated by commas', parseList)
    .option('--warm-target-export-path <path>', 'the export')
    .option('--warm-target-path <path>', 'what to warm below the export (default: all of it)')
    .option('--warm-target-backend <name>', 'instead of an export: a backend of the Warpforge daemon')
    .option('--warm-target-prefix <prefix>', 'what to warm of the backend (default: all of it)')
    .option('--all-addresses', 'read everything through every address, so that each cache node holds it')
    .option('--inclusion-csv <list>', 'patterns of the files to warm, separated by commas (default: all)', parseList)
    .option('--exclusion-csv <list>', 'patterns of the files to leave out, separated by commas', parseList)
    .option('--max-file-size-bytes <n>', 'leave out files larger than this (default: none)', parseCount)
    .option('--wait', 'wait until the job has ended, and show how far it is')
    .option('--json', 'print JSON: the id of the job on the first line, with --wait the report on the last')
    .addHelpText('after', EXAMPLES)
    .action(async (options: SubmitOptions) => {
      const job = await readJob(options);
      const report = await interruptible((signal) => submit(job, options, signal));
      if (report !== undefined && report.state !== 'warm') process.exitCode = EXIT.failed;
    });
}

async function submit(job: WarmJob, options: SubmitOptions, signal: AbortSignal): Promise<JobReport | undefined> {
  const { formatWarmJob } = await import('@warpforge/cache-warmer');
  const storage = await openCacheWarmerStorage(options, signal);
  const id = await storage.jobs.send(formatWarmJob(job), signal);
  process.stdout.write(options.json === true ? `${JSON.stringify({ job: id })}\n` : `Job ${id} is on the queue ${storage.jobs.name}.\n`);
  if (options.wait !== true) return undefined;
  const [report] = await waitForJobs(storage, [id], { json: options.json === true }, signal);
  return report;
}

async function readJob({ job: file, ...flags }: SubmitOptions): Promise<WarmJob> {
  const { parseWarmJob, parseWarmJobValue, WarmJobError } = await import('@warpforge/cache-warmer');
  const fromFlags = jobOfFlags(flags);
  const given = Object.keys(fromFlags).length > 0;
  if (file === undefined && !given)
    throw new CommandError('USAGE', 'no job is given: name a file with --job, or say it with flags (--help)');
  if (file !== undefined && given) throw new CommandError('USAGE', 'a job is given by --job or by flags, not by both');
  try {
    if (file === undefined) return parseWarmJobValue(fromFlags);
    return parseWarmJob(file === '-' ? await text(process.stdin) : await readFile(file, 'utf8'));
  } catch (cause) {
    if (cause instanceof WarmJobError) throw new CommandError('USAGE', cause.message, { cause });
    if (file === undefined || codeOf(cause) !== 'ENOENT') throw cause;
    throw new CommandError('USAGE', `cannot read the job ${file}: there is no such file`, { cause });
  }
}

function jobOfFlags(flags: JobFlags): Record<string, unknown> {
  const isExport = flags.warmTargetMountAddresses !== undefined || flags.warmTargetExportPath !== undefined;
  const values: Record<string, unknown> = {
    WarmTargetMountAddresses: flags.warmTargetMountAddresses,
    WarmTargetExportPath: flags.warmTargetExportPath,
    WarmTargetPath: flags.warmTargetPath ?? (isExport ? '/' : undefined),
    WarmTargetBackend: flags.warmTargetBackend,
    WarmTargetPrefix: flags.warmTargetPrefix,
    WarmThroughAllAddresses: flags.allAddresses,
    InclusionList: flags.inclusionCsv,
    ExclusionList: flags.exclusionCsv,
    MaxFileSizeBytes: flags.maxFileSizeBytes,
  };
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

function parseList(list: string): string[] {
  return list
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function parseCount(count: string): number {
  if (!/^\d+$/.test(count) || !Number.isSafeInteger(Number(count))) throw new InvalidArgumentError('It must be a whole number of bytes.');
  return Number(count);
}
