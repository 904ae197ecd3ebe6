import { Command } from 'commander';
import { jobsOption, jsonOption, specArgument } from '../options.ts';
import { run } from '../run.ts';

/** `webdataset stats` */
export function statsCommand(): Command {
  return new Command('stats')
    .summary('count shards, samples, bytes, fields and classes')
    .description('Count what is in shards: samples, bytes, how large each field is, and how often each class (field cls) comes.')
    .addArgument(specArgument())
    .addOption(jobsOption())
    .addOption(jsonOption('one JSON object with all numbers'))
    .addHelpText(
      'after',
      `
With --json:
  {"shards":N,"samples":N,"bytes":N,
   "fields":{"NAME":{"count":N,"bytes":N,"min":N,"mean":N,"max":N}},
   "classes":{"LABEL":N}}
"bytes" at the top counts whole shards as they are stored, those of a field its
data. "classes" is empty without a field cls. Shards that cannot be read are
reported and left out, and the exit code is 1.

Examples:
  $ webdataset stats train/
  $ webdataset stats 'train/shard-{000000..000009}.tar' --json | jq .classes`,
    )
    .action(async (specs: readonly string[], options: { readonly json?: true; readonly jobs: number }) => {
      const { countSamples, describeStats } = await import('../stats.ts');
      const { shardsOf } = await import('../shards.ts');
      await run(async (context) => {
        await countSamples(await shardsOf(specs), options.jobs, context, async (stats) => {
          await context.output.line(options.json ? JSON.stringify(stats) : describeStats(stats).trimEnd());
        });
      });
    });
}
