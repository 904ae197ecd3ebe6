import { Command, InvalidArgumentError, Option } from 'commander';
import {
  forceOption,
  jsonOption,
  maxCountOption,
  maxSizeOption,
  outOption,
  patternOption,
  positiveInteger,
  seed,
  specArgument,
} from '../options.ts';
import { run } from '../run.ts';
import type { Part } from '../split/parts.ts';

interface SplitCommandOptions {
  readonly out: string;
  readonly maxCount: number;
  readonly maxSize: number;
  readonly pattern: string;
  readonly into?: number;
  readonly parts?: readonly Part[];
  readonly seed: number;
  readonly index: boolean;
  readonly force?: true;
  readonly json?: true;
}

/** `webdataset split` */
export function splitCommand(): Command {
  return new Command('split')
    .summary('repack shards: other sizes, or parts such as train and val')
    .description('Write the samples of shards into new shards, of another size or number, or parted into folders such as train and val.')
    .addArgument(specArgument())
    .addOption(outOption())
    .addOption(maxCountOption())
    .addOption(maxSizeOption())
    .addOption(
      new Option('--into <n>', 'exactly this many shards (of each part), equal in samples up to one')
        .argParser(positiveInteger)
        .conflicts(['maxCount', 'maxSize']),
    )
    .option('--parts <shares>', 'folders and their shares, such as train=0.8,val=0.1,test=0.1', partsArgument)
    .option('--train <share>', 'short for --parts train=SHARE,val=REST', trainArgument)
    .option('--seed <n>', 'another way to part the samples', seed, 0)
    .addOption(patternOption())
    .option('--no-index', 'write no index beside the shards')
    .addOption(forceOption())
    .addOption(jsonOption('one JSON object that says what was written'))
    .addHelpText(
      'after',
      `
Samples keep their order, keys, fields and bytes. Which part a sample goes to
depends on its key and --seed alone: it stays there when the data set grows or
is split again. Shards get their names when all are complete, so a run that
fails or is stopped leaves none. Keys must be unique: "webdataset validate"
finds the ones that are not.

With --json:
  {"parts":[{"part":NAME|null,"samples":N,"fields":{"NAME":N},
             "shards":[{"path":…,"index":…,"samples":N,"size":N},…]},…]}

Examples:
  $ webdataset split 'big-{000..003}.tar' --out small/ --max-size 256MiB
  $ webdataset split train/ --out shards/ --into 64
  $ webdataset split all/ --out parted/ --train 0.9`,
    )
    .action(async (specs: readonly string[], options: SplitCommandOptions & { readonly train?: readonly Part[] }) => {
      const { split } = await import('../split/split.ts');
      const { describeWritten } = await import('../written.ts');
      const { shardsOf } = await import('../shards.ts');
      const { CommandError } = await import('../failure.ts');
      if (options.parts !== undefined && options.train !== undefined)
        throw new CommandError('USAGE', '--train is short for --parts: give one of them');
      await run(async ({ signal, output }) => {
        const { force = false, json, train, parts = train, into, ...rest } = options;
        const written = await split(await shardsOf(specs), { ...rest, into, parts, force }, signal);
        if (json) await output.line(JSON.stringify({ parts: written.map(({ directory: _directory, ...part }) => part) }));
        else for (const part of written) await output.line(`wrote ${describeWritten(part, part.directory)}`);
      });
    });
}

/** Shares that must add up to 1; rounding of decimal fractions is forgiven. */
const SUM_TOLERANCE = 1e-9;

function partsArgument(text: string): Part[] {
  const parts = text.split(',').map((part) => {
    const { name = '', share = '' } = /^(?<name>[\w-]+)=(?<share>0?\.\d+)$/.exec(part.trim())?.groups ?? {};
    return { name, share: Number(share) };
  });
  const names = new Set(parts.map(({ name }) => name));
  const sum = parts.reduce((total, { share }) => total + share, 0);
  if (names.has('') || names.size < parts.length || Math.abs(sum - 1) > SUM_TOLERANCE || parts.some(({ share }) => share === 0)) {
    throw new InvalidArgumentError('Expected names and shares that add up to 1, such as train=0.8,val=0.1,test=0.1.');
  }
  return parts;
}

function trainArgument(text: string): Part[] {
  const share = Number(text);
  if (!/^0?\.\d+$/.test(text) || share <= 0) throw new InvalidArgumentError('Expected a share between 0 and 1, such as 0.9.');
  return [
    { name: 'train', share },
    { name: 'val', share: 1 - share },
  ];
}
