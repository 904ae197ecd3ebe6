import { Command, CommanderError } from 'commander';
import { addCacheWarmerCommand } from './commands/cachewarmer/cachewarmer.ts';
import { addConfigCommand } from './commands/config.ts';
import { addDatasetCommand } from './commands/dataset.ts';
import { addPlanCommand } from './commands/plan.ts';
import { addProvisionCommand } from './commands/provision.ts';
import { addRunCommand } from './commands/run.ts';
import { addSetupCommand } from './commands/setup.ts';
import { addStatusCommand } from './commands/status.ts';
import { addTeardownCommand } from './commands/teardown.ts';
import { resolveContext } from './command-context.ts';
import { EXIT, exitCodeOf, explain } from './failure.ts';
import { programVersion } from './version.ts';

const EXAMPLES = `
Settings come from flags, environment variables and the settings file, in this order of precedence.

Examples:
  $ warpforge-infra plan --offline                what a deployment consists of; needs no Azure
  $ warpforge-infra provision                     make it, or change it to what the settings say
  $ warpforge-infra dataset                       make shards and upload them
  $ warpforge-infra setup && warpforge-infra config --install
  $ warpforge-infra run                           mount, warm and train on the VM
  $ warpforge-infra teardown                      delete it all

Exit codes: 0 done, 1 failed, 2 wrong usage or settings (and of "plan": there is something to do), 130 stopped by Ctrl-C.`;

// Commands import what they need when they run, so that --help answers at once.
function program(): Command {
  // Subcommands inherit the settings of their parent only when they are made, so exitOverride comes first.
  const command = new Command('warpforge-infra')
    .description('A Warpforge environment on Azure: from nothing to a training VM and back.')
    .version(programVersion())
    .exitOverride()
    .showHelpAfterError('(--help shows the options)')
    .addHelpText('after', EXAMPLES);
  command.commandsGroup('Environment:');
  addPlanCommand(command, resolveContext);
  addProvisionCommand(command, resolveContext);
  addStatusCommand(command, resolveContext);
  addTeardownCommand(command, resolveContext);
  command.commandsGroup('Data and training:');
  addDatasetCommand(command, resolveContext);
  addSetupCommand(command, resolveContext);
  addConfigCommand(command, resolveContext);
  addRunCommand(command, resolveContext);
  command.commandsGroup('CacheWarmer:');
  addCacheWarmerCommand(command, resolveContext);
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
    // What a command has set; Node's type allows texts, too.
    return Number(process.exitCode ?? EXIT.done);
  } catch (error) {
    // What commander has to say is printed already; it throws for --help and --version too.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    process.stderr.write(`warpforge-infra: ${explain(error)}\n`);
    return exitCodeOf(error);
  }
}
