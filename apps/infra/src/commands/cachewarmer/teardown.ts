import type { Command } from 'commander';
import type { Resolve } from '../../command-context.ts';
import { interruptible } from '../../interrupt.ts';
import { addOutputFolderOption, addSettingsOptions } from '../../settings-options.ts';
import { addTeardownOptions, tearDownEnvironment, type TeardownOptions } from '../../teardown-flow.ts';

const EXAMPLES = `
Deletes only what carries the tag of the CacheWarmer's environment, the workers that there are among it, and the roles that were defined for
it. Reports and queues go with the storage account. The environment for training stays as it is.

Examples:
  $ warpforge-infra cachewarmer teardown
  $ warpforge-infra cachewarmer teardown --dry-run
  $ warpforge-infra cachewarmer teardown --force    # does not ask`;

/** `cachewarmer teardown`: deletes the CacheWarmer and waits until it is gone. */
export function addCacheWarmerTeardown(group: Command, resolve: Resolve): void {
  const command = group.command('teardown').description('delete it all, after showing what will go and asking for its name');
  addOutputFolderOption(addSettingsOptions(command, ['environment']));
  addTeardownOptions(command)
    .addHelpText('after', EXAMPLES)
    .action(async (options: TeardownOptions, self: Command) => {
      const context = await resolve(self);
      const { removeCacheWarmerOutputs: removeOutputs } = await import('@warpforge/azure-infra');
      const { environment } = context.settings.cacheWarmer;
      await interruptible((signal) =>
        tearDownEnvironment(context, { environment, outputsFile: 'cachewarmer-outputs.json', removeOutputs }, options, signal),
      );
    });
}
