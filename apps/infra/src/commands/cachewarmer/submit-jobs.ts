import type { JobReport } from '@warpforge/cache-warmer';
import type { Command } from 'commander';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { parseJobList } from '../../cachewarmer/job-list.ts';
import { sendJobs } from '../../cachewarmer/send-jobs.ts';
import { addStorageOptions, openCacheWarmerStorage, type StorageOptions } from '../../cachewarmer/storage-options.ts';
import { waitForJobs } from '../../cachewarmer/wait-for-jobs.ts';
import { CommandError } from '../../failure.ts';
import { formatCount } from '../../format.ts';
import { interruptible } from '../../interrupt.ts';

const EXAMPLES = `
The file is a list of jobs, each as "cachewarmer submit" takes it, or one job with a map from exports to paths, of which each path becomes a job:

  WarmTargetMountAddresses: [10.0.1.11, 10.0.1.12, 10.0.1.13]
  WarmTargets:
    /animation: [/scene1, /scene2]
    /textures: [/]
  ExclusionList: ['*.tmp']

Nothing is sent before all of it is valid.

Exit codes: 0 sent, or with --wait everything is warm; 1 something is not warm, and is listed; 2 a job is not valid; 130 Ctrl-C, after which
the jobs go on.

Examples:
  $ warpforge-infra cachewarmer submit-jobs --file jobs.yaml --wait
  $ terraform output -json warm_jobs | warpforge-infra cachewarmer submit-jobs --file - --json`;

interface SubmitJobsOptions extends StorageOptions {
  readonly file: string;
  readonly wait?: true;
  readonly json?: true;
}

/** `cachewarmer submit-jobs`: puts many jobs on the queue, and waits for the end of all when asked to. */
export function addSubmitJobsCommand(group: Command): void {
  const command = group.command('submit-jobs').description('send many warm jobs to the manager, and wait for their reports');
  addStorageOptions(command)
    .requiredOption('--file <file>', 'the jobs as YAML or JSON; - reads standard input')
    .option('--wait', 'wait until all jobs have ended, and show how far they are')
    .option('--json', 'print JSON, one object a line: the id of each job, then with --wait the report of each')
    .addHelpText('after', EXAMPLES)
    .action(async (options: SubmitJobsOptions) => {
      const jobs = await parseJobList(await read(options.file), options.file === '-' ? 'the standard input' : options.file);
      await interruptible(async (signal) => {
        const storage = await openCacheWarmerStorage(options, signal);
        const json = options.json === true;
        const ids = await sendJobs(storage, jobs, json, signal);
        if (options.wait === true) demandWarm(await waitForJobs(storage, ids, { json }, signal));
      });
    });
}

async function read(file: string): Promise<string> {
  if (file === '-') return text(process.stdin);
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new CommandError('USAGE', `cannot read the jobs ${file}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

function demandWarm(reports: readonly JobReport[]): void {
  const others = reports.filter(({ state }) => state !== 'warm');
  if (others.length === 0) return;
  const lines = others.map(({ job, state, target, failedCount }) => `  ${job}  ${target}: ${state}, ${failedCount} failed`);
  throw new CommandError('NOT_DONE', `${others.length} of ${formatCount(reports.length, 'job')} did not get warm:\n${lines.join('\n')}`);
}
