import type { Command } from 'commander';
import {
  addInstallOptions,
  cacheWarmerOutputsIfAny,
  cacheWarmerSetup,
  INSTALL_NOTES,
  type InstallOptions,
} from '../../cachewarmer/install-options.ts';
import { installOn, type ServiceInstallation } from '../../cachewarmer/install-service.ts';
import type { Resolve } from '../../command-context.ts';
import { CommandError } from '../../failure.ts';
import { openVm } from '../../vm-options.ts';

const EXAMPLES = `
Installs a worker and starts it as a service, beside those that the manager keeps or instead of them ("cachewarmer manager --launcher none"). The
machines of the scale set that "cachewarmer provision" makes install it by themselves. The account and the prefix of the queues are taken
from cachewarmer-outputs.json, where provision has written it.
${INSTALL_NOTES}

Examples:
  $ warpforge-infra cachewarmer install-worker --host 10.0.1.21 --user azureuser --storage-account cwstore
  $ warpforge-infra cachewarmer install-worker --host 10.0.1.21 --packages packages --dry-run
  $ warpforge-infra cachewarmer install-worker --local`;

/** `cachewarmer install-worker`: makes a machine that runs already a worker. */
export function addInstallWorkerCommand(group: Command, resolve: Resolve): void {
  const command = group.command('install-worker').description('install a worker on a machine that runs already');
  addInstallOptions(command, 'the machine')
    .addHelpText('after', EXAMPLES)
    .action(async (options: InstallOptions, self: Command) => {
      const context = await resolve(self);
      const { CACHE_WARMER_UNITS, workerScript } = await import('@warpforge/azure-infra');
      const setup = cacheWarmerSetup(context, options, await cacheWarmerOutputsIfAny(context));
      const machine = options.local === true ? undefined : await openVm(context, options, noMachine);
      const script: ServiceInstallation['script'] = (folder) => workerScript({ ...setup, packages: folder ?? setup.packages });
      await installOn({ service: CACHE_WARMER_UNITS.worker, script, machine }, options);
    });
}

function noMachine(): never {
  throw new CommandError('USAGE', 'no machine is given: name it with --host, or say --local');
}
