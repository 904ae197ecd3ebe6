import { Command, CommanderError } from 'commander';
import { catCommand } from './commands/cat.ts';
import { indexCommand } from './commands/index-shards.ts';
import { lsCommand } from './commands/ls.ts';
import { packCommand } from './commands/pack.ts';
import { splitCommand } from './commands/split.ts';
import { statsCommand } from './commands/stats.ts';
import { validateCommand } from './commands/validate.ts';
import { EXIT, exitCodeOf } from './failure.ts';
import { complain } from './run.ts';
import { version } from './version.ts';

// Commands import what they need when they run, so that --help answers at once.
const program = new Command('webdataset')
  .description('List, read, check, index, make and split WebDataset shards: tar files whose members are samples.')
  .version(version)
  .addCommand(lsCommand())
  .addCommand(catCommand())
  .addCommand(statsCommand())
  .addCommand(validateCommand())
  .addCommand(indexCommand())
  .addCommand(packCommand())
  .addCommand(splitCommand())
  .addHelpText(
    'after',
    `
SPEC names shards: a file, a folder, a glob, an http(s) URL, braces such as
"train-{000000..000099}.tar", or several of them joined by "::". Quote it, so
that the shell leaves it alone. Shards may be compressed (.tar.gz, .tar.zst).

Examples:
  $ webdataset ls 'train/shard-{000000..000009}.tar' --json
  $ webdataset cat train/shard-000000.tar 00000042 jpg > 42.jpg
  $ webdataset validate train/
  $ webdataset pack photos/ --out shards/ --max-size 1GiB

Exit codes: 0 done, 1 failed or faults found, 2 wrong usage, 130 Ctrl-C.`,
  );

// A reader of the messages that goes away must not end the program in the middle of its work.
process.stderr.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

for (const command of [program, ...program.commands]) command.exitOverride();
try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // What it has to say is printed already; it throws for --help and --version too.
    process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
  } else {
    complain(error);
    process.exitCode = exitCodeOf(error);
  }
}
