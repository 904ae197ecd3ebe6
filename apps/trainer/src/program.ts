import { Command, CommanderError } from 'commander';
import { createRequire } from 'node:module';
import { compareCommand } from './commands/compare.ts';
import { evalCommand } from './commands/eval.ts';
import { runCommand } from './commands/run.ts';
import { EXIT, exitCodeOf, explain } from './failure.ts';

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

// Commands import what they need when they run, so that --help answers at once.
function program(): Command {
  const command = new Command('warpforge-train')
    .description('Trains a network on WebDataset shards, which it reads as plain files.')
    .version(version)
    .addCommand(runCommand())
    .addCommand(evalCommand())
    .addCommand(compareCommand())
    .addHelpText(
      'after',
      `
Examples:
  $ warpforge-train run --config train.yaml
  $ warpforge-train eval --checkpoint state.safetensors --eval-root /wd/datasets-cac/test
  $ warpforge-train compare --config train.yaml --steps 200 --report compare.html

Exit codes: 0 done, or stopped by SIGTERM after a checkpoint; 1 failed; 2 wrong usage or settings; 130 stopped by Ctrl-C, and 143 by SIGTERM
without a checkpoint.`,
    );
  for (const each of [command, ...command.commands]) each.exitOverride();
  return command;
}

/**
 * Runs one command line, and prints what it has to say.
 *
 * @param args what stands behind the program's name
 * @returns the exit code
 */
export async function runProgram(args: readonly string[]): Promise<number> {
  try {
    await program().parseAsync(args, { from: 'user' });
    return EXIT.done;
  } catch (error) {
    // What commander has to say is printed already; it throws for --help and --version too.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    process.stderr.write(`warpforge-train: ${explain(error)}\n`);
    return exitCodeOf(error);
  }
}
