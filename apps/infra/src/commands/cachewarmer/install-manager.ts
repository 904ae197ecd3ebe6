import type { CacheWarmerOutputs, ManagerSetup } from '@warpforge/azure-infra';
import { Option, type Command } from 'commander';
import {
  addInstallOptions,
  cacheWarmerOutputsIfAny,
  cacheWarmerSetup,
  INSTALL_NOTES,
  type InstallOptions,
} from '../../cachewarmer/install-options.ts';
import { installOn, type ServiceInstallation } from '../../cachewarmer/install-service.ts';
import type { CommandContext, Resolve } from '../../command-context.ts';
import { CommandError } from '../../failure.ts';
import { openVm, type KnownVm } from '../../vm-options.ts';

const EXAMPLES = `
Installs the manager and starts it as a service. "cachewarmer provision" makes a controller that installs it by itself at its first boot:
without --host that one is meant, to bring it up to date or to repair it. What is not said is taken from cachewarmer-outputs.json, where
provision has written it.
${INSTALL_NOTES}

Examples:
  $ warpforge-infra cachewarmer install-manager --dry-run
  $ warpforge-infra cachewarmer install-manager --packages packages
  $ warpforge-infra cachewarmer install-manager --host 10.0.0.4 --user azureuser --storage-account cwstore \\
      --scale-set cw-workers --resource-group cw-rg --subscription-id 00000000-0000-0000-0000-000000000000
  $ warpforge-infra cachewarmer install-manager --local --https-proxy http://proxy.example.com:3128`;

interface InstallManagerOptions extends InstallOptions {
  readonly scaleSet?: string;
  readonly resourceGroup?: string;
  readonly subscriptionId?: string;
}

/** `cachewarmer install-manager`: makes a machine that runs already the manager. */
export function addInstallManagerCommand(group: Command, resolve: Resolve): void {
  const command = group.command('install-manager').description('install the manager on a machine that runs already');
  addInstallOptions(command, 'another machine than the controller of cachewarmer-outputs.json', ['max_workers', 'max_instance_hours'])
    .addOption(new Option('--scale-set <name>', 'scale set of the workers').env('CACHEWARMER_SCALE_SET'))
    .addOption(new Option('--resource-group <name>', 'resource group of the scale set').env('CACHEWARMER_RESOURCE_GROUP'))
    .addOption(new Option('--subscription-id <id>', 'subscription of the scale set').env('AZURE_SUBSCRIPTION_ID'))
    .addHelpText('after', EXAMPLES)
    .action(async (options: InstallManagerOptions, self: Command) => {
      const context = await resolve(self);
      const outputs = await cacheWarmerOutputsIfAny(context);
      const { CACHE_WARMER_UNITS, managerScript } = await import('@warpforge/azure-infra');
      const setup = managerSetup(context, options, outputs);
      const machine = options.local === true ? undefined : await openVm(context, options, () => Promise.resolve(controllerOf(outputs)));
      const script: ServiceInstallation['script'] = (folder) => managerScript({ ...setup, packages: folder ?? setup.packages });
      await installOn({ service: CACHE_WARMER_UNITS.manager, script, machine }, options);
    });
}

function managerSetup(context: CommandContext, options: InstallManagerOptions, outputs: CacheWarmerOutputs | undefined): ManagerSetup {
  const { maxWorkers, maxInstanceHours } = context.settings.cacheWarmer;
  const subscriptionId = options.subscriptionId ?? outputs?.subscriptionId;
  const resourceGroup = options.resourceGroup ?? outputs?.resourceGroup;
  const name = options.scaleSet ?? outputs?.scaleSet.name;
  const shared = cacheWarmerSetup(context, options, outputs);
  if (subscriptionId === undefined || resourceGroup === undefined || name === undefined) {
    throw new CommandError('USAGE', 'no scale set is given: name it with --scale-set, --resource-group and --subscription-id');
  }
  const isController = options.local !== true && options.host === undefined;
  return {
    ...shared,
    identityId: shared.identityId ?? (isController ? outputs?.identities.manager.id : undefined),
    scaleSet: { subscriptionId, resourceGroup, name },
    maxWorkers,
    maxInstanceHours,
  };
}

function controllerOf(outputs: CacheWarmerOutputs | undefined): KnownVm {
  if (outputs === undefined) throw new CommandError('USAGE', 'no machine is given: name it with --host, or say --local');
  const { controller, identities } = outputs;
  const { address, adminUser, name } = controller;
  return { address, adminUser, hostKeyAlias: `${name}.${identities.manager.clientId}` };
}
