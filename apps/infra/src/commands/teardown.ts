import type { Command } from 'commander';
import type { Resolve } from '../command-context.ts';
import { interruptible } from '../interrupt.ts';
import { addOutputFolderOption, addSettingsOptions } from '../settings-options.ts';
import { addTeardownOptions, tearDownEnvironment, type TeardownOptions } from '../teardown-flow.ts';

const EXAMPLES = `
Deletes only what carries the environment's tag, wherever in the subscription it is: roles first, then single resources, then resource
groups that hold nothing else. The data in the storage accounts goes with them.

Examples:
  $ warpforge-infra teardown
  $ warpforge-infra teardown --dry-run
  $ warpforge-infra teardown --environment warpdrive-forge --force    # does not ask`;

/** `teardown`: deletes the environment and waits until it is gone. */
export function addTeardownCommand(program: Command, resolve: Resolve): void {
  const command = program.command('teardown').description('delete the environment, after showing what will go and asking for its name');
  addOutputFolderOption(addSettingsOptions(command, ['environment']));
  addTeardownOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (options: TeardownOptions, self: Command) => {
      const context = await resolve(self);
      const { removeOutputs } = await import('@warpforge/azure-infra');
      const { environment } = context.settings;
      await interruptible((signal) =>
        tearDownEnvironment(context, { environment, outputsFile: 'outputs.json', removeOutputs }, options, signal),
      );
    });
}
