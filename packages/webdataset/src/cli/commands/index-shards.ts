import { Command, Option } from 'commander';
import { jobsOption, jsonOption, specArgument } from '../options.ts';
import { run } from '../run.ts';

interface IndexCommandOptions {
  readonly check?: boolean;
  readonly force?: boolean;
  readonly jobs: number;
  readonly json?: true;
}

/** `webdataset index` */
export function indexCommand(): Command {
  return new Command('index')
    .summary('write an index beside each shard')
    .description(
      'Write an index (.idx, format of wds2idx v1.2) beside each shard: readers then find samples without reading all before them.',
    )
    .addArgument(specArgument())
    .addOption(new Option('--check', 'write nothing: compare the indexes that are there with the whole shards').conflicts('force'))
    .option('--force', 'make them anew, even those that are younger than their shards and fit them')
    .addOption(jobsOption())
    .addOption(jsonOption('one JSON object a shard: {"shard":…,"index":…,"samples":N,"status":"written"|"fresh"|"correct"}'))
    .addHelpText(
      'after',
      `
An index that is younger than its shard, and whose first and last entry fit it,
is left as it is. A shard that cannot be indexed, or with --check has no correct
index, is reported; the others still get theirs, and the exit code is 1.

Examples:
  $ webdataset index train/
  $ webdataset index 'train/shard-{000000..000099}.tar' --jobs 8
  $ webdataset index train/ --check`,
    )
    .action(async (specs: readonly string[], { check = false, force = false, jobs, json }: IndexCommandOptions) => {
      const { indexAll } = await import('../index/index-all.ts');
      const { shardsOf } = await import('../shards.ts');
      await run(async (context) => {
        await indexAll(await shardsOf(specs), { check, force, jobs, json: json ?? false }, context);
      });
    });
}
