import { Command, CommanderError } from 'commander';
import { createRequire } from 'node:module';
import { addCacheWarmerCommand } from './commands/cachewarmer.ts';
import { addPlanCommand } from './commands/plan.ts';
import { addProvisionCommand } from './commands/provision.ts';

/** Exit codes: 0 done, 1 failed, 2 wrong usage. */
const FAILED = 1;
const WRONG_USAGE = 2;

function program(): Command {
  const { version } = createRequire(import.meta.url)('../package.json') as { version: string };
  // Subcommands inherit the settings of their parent only when they are made, so exitOverride comes first.
  const command = new Command('warpforge-infra')
    .description('Plans a Warpforge environment on Azure.')
    .version(version)
    .exitOverride()
    .showHelpAfterError('(--help shows the options)');
  addPlanCommand(command);
  addProvisionCommand(command);
  addCacheWarmerCommand(command);
  return command;
}

/** An error that the libraries expect has a code and a message for people; any other is a fault of this program and keeps its stack. */
function report(error: unknown): void {
  const expected = error instanceof Error && 'code' in error;
  process.stderr.write(
    `warpforge-infra: ${expected ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
}

try {
  await program().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has printed the message, or the help or the version that were asked for.
    process.exitCode = error.exitCode === 0 ? 0 : WRONG_USAGE;
  } else {
    report(error);
    process.exitCode = FAILED;
  }
}
