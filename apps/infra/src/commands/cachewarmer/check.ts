import type { Command } from 'commander';
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';

const EXAMPLES = `
Examples:
  $ warpforge-infra cachewarmer check job.json
  $ az storage message peek --queue-name cwjob --query '[0].content' -o tsv | warpforge-infra cachewarmer check -`;

/** `cachewarmer check`: says whether a file is a job that a CacheWarmer can run. */
export function addCheckCommand(group: Command): void {
  group
    .command('check')
    .description('validate a warm job: JSON, or base64 of JSON as queues carry it')
    .argument('<file>', 'the job; - reads standard input')
    .option('--json', 'print the job as one JSON object')
    .addHelpText('after', EXAMPLES)
    .action(async (file: string, options: { json?: true }) => {
      const { describeTarget, parseWarmJob } = await import('@warpforge/cache-warmer');
      const job = parseWarmJob(file === '-' ? await text(process.stdin) : await readFile(file, 'utf8'));
      process.stdout.write(options.json === true ? `${JSON.stringify(job)}\n` : `valid: warms ${describeTarget(job.target)}\n`);
    });
}
