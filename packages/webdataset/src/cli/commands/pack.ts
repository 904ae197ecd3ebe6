import { Command } from 'commander';
import { forceOption, jsonOption, maxCountOption, maxSizeOption, outOption, patternOption, seed } from '../options.ts';
import { complain, run } from '../run.ts';

interface PackCommandOptions {
  readonly out: string;
  readonly maxCount: number;
  readonly maxSize: number;
  readonly pattern: string;
  readonly index: boolean;
  readonly classesFromFolders?: true;
  readonly shuffle?: number;
  readonly force?: true;
  readonly json?: true;
}

/** `webdataset pack` */
export function packCommand(): Command {
  return new Command('pack')
    .summary('make shards of a folder of files')
    .description(
      'Make shards of a folder of files, and an index beside each one. Files that differ only in their extension are one sample.',
    )
    .argument('<dir>', 'folder of files, at any depth')
    .addOption(outOption())
    .addOption(maxCountOption())
    .addOption(maxSizeOption())
    .addOption(patternOption())
    .option('--classes-from-folders', 'number the outermost folders and give each sample the number of its own as field cls')
    .option('--shuffle <seed>', 'mix the samples, the same way for the same seed (default: in the order of their names)', seed)
    .option('--no-index', 'write no index beside the shards')
    .addOption(forceOption())
    .addOption(jsonOption('one JSON object that says what was written'))
    .addHelpText(
      'after',
      `
"a/0001.jpg" and "a/0001.cls" become fields jpg and cls of sample "a/0001": the
key ends at the first dot of the file name. Hidden files are passed over; files
without an extension are skipped and counted. The same files give the same
bytes. Shards get their names when all are complete, so a run that fails or is
stopped leaves none. --classes-from-folders also writes the names of the classes
to classes.json, in the order of their numbers. Training reads best from
shuffled shards.

With --json:
  {"samples":N,"fields":{"NAME":N},"skipped":[FILE,…],"classes":[NAME,…],
   "shards":[{"path":…,"index":…,"samples":N,"size":N},…]}

Examples:
  $ webdataset pack photos/ --out shards/
  $ webdataset pack imagenet/train/ --out shards/ --classes-from-folders --shuffle 1 --max-size 500MiB
  $ webdataset pack photos/ --out shards/ --pattern 'train-%06d.tar' --max-count 10000`,
    )
    .action(async (root: string, options: PackCommandOptions) => {
      const { pack, CLASSES_FILE } = await import('../pack/pack.ts');
      const { describeWritten } = await import('../written.ts');
      await run(async ({ signal, output }) => {
        const { classesFromFolders = false, force = false, shuffle, json, ...rest } = options;
        const packed = await pack(root, { ...rest, shuffle, force, classesFromFolders }, signal);
        const { skipped, classes } = packed;
        if (skipped.length > 0) {
          complain(
            `skipped ${skipped.length} ${skipped.length === 1 ? 'file' : 'files'} without an extension, such as "${skipped[0] ?? ''}"`,
          );
        }
        const named = classes === undefined ? '' : `, ${classes.length} classes named in ${CLASSES_FILE}`;
        await output.line(json ? JSON.stringify(packed) : `packed ${describeWritten(packed, options.out)}${named}`);
      });
    });
}
