import { Command, InvalidArgumentError, Option } from 'commander';
import { availableParallelism } from 'node:os';
import { jsonOption, positiveInteger, specArgument } from '../options.ts';
import { run } from '../run.ts';

interface ValidateCommandOptions {
  readonly decode: boolean;
  readonly jobs: number;
  readonly fields?: readonly string[];
  readonly json?: true;
}

/** `webdataset validate` */
export function validateCommand(): Command {
  return new Command('validate')
    .summary('find everything that is wrong with shards')
    .description('Read shards from beginning to end, decode every field, and print one line for each fault.')
    .addArgument(specArgument())
    .option('--no-decode', 'do not decode images, which takes most of the time')
    .addOption(
      new Option('-j, --jobs <n>', 'images decoded at the same time')
        .argParser(positiveInteger)
        .default(availableParallelism(), 'one a core'),
    )
    .option(
      '--fields <names>',
      'what every sample must have, such as jpg,cls (default: what at least half of the first 1000 have)',
      fieldNames,
    )
    .addOption(jsonOption('one JSON object a fault: {"code":…,"severity":…,"shard":…,"offset":…,"key":…,"message":…}'))
    .addHelpText(
      'after',
      `
A line is CODE SHARD OFFSET KEY: MESSAGE, with "-" for what there is none of;
names with blanks, quotes or control characters are JSON strings. The offset
counts bytes of the uncompressed shard. What it all comes to is the last line,
on standard error.

Codes:
  WDS_READ WDS_CHANGED      the shard cannot be read, or was replaced meanwhile
  WDS_TRUNCATED             the shard ends too early
  WDS_BAD_HEADER            garbage where a header should be, or after the end
  WDS_DECOMPRESS            damage in a gzip or zstd shard
  WDS_UNSUPPORTED           sparse members, or xz or bzip2
  WDS_DUPLICATE_FIELD       a sample has two files with one extension
  WDS_DUPLICATE_KEY         two samples have one key, in this shard or in two
  WDS_MISSING_FIELD         a sample lacks what the others have
  WDS_DECODE WDS_LABEL      an image, JSON … or a label that does not decode
  WDS_EMPTY_SHARD           no sample in a shard
  WDS_BAD_INDEX             the .idx beside a shard is not that of the shard
  WDS_DOTTED_NAME           a warning: a dot in a base name, which ends the key
The codes up to WDS_UNSUPPORTED end the pass over their shard.

Exit codes: 0 nothing wrong (or warnings only), 1 faults, 2 wrong usage.

Examples:
  $ webdataset validate train/
  $ webdataset validate 'train/shard-{000000..000099}.tar' --fields jpg,cls
  $ webdataset validate train/ --json | jq -r .code | sort | uniq -c`,
    )
    .action(async (specs: readonly string[], { decode, jobs, fields, json }: ValidateCommandOptions) => {
      const { validate } = await import('../validate/validate.ts');
      const { shardsOf } = await import('../shards.ts');
      await run(async (context) =>
        validate(await shardsOf(specs), { imageThreads: decode ? jobs : 0, fields, json: json ?? false }, context),
      );
    });
}

function fieldNames(text: string): string[] {
  const names = text.split(',').map((name) => name.trim().toLowerCase());
  if (names.includes('')) throw new InvalidArgumentError('Expected names with commas between them, such as jpg,cls.');
  return names;
}
