import type { Resource } from '@warpforge/azure-infra';
import type { Command } from 'commander';
import { formatTable } from '../table.ts';

const EXAMPLES = `
Settings come from the environment (RESOURCE_GROUP, LOCATION_A, LOCATION_B, VM_SIZE, SSH_SOURCES, …); the defaults are those of the
deployment guide.

Examples:
  $ warpforge-infra plan --offline
  $ VM_SIZE=Standard_D8s_v5 SSH_SOURCES=203.0.113.7/32 warpforge-infra plan --offline
  $ warpforge-infra plan --offline --json | jq '.resources[].name'`;

/** `plan`: prints the resources that a deployment consists of. */
export function addPlanCommand(program: Command): void {
  program
    .command('plan')
    .description('print the resources of the environment')
    .option('--offline', 'do not compare with what exists on Azure (this version can do no other)')
    .option('--json', 'print one JSON object instead of a table')
    .addHelpText('after', EXAMPLES)
    .action(async (options: { offline?: true; json?: true }) => {
      const { InfraError, planResources, settingsFromEnvironment, settingsVariables } = await import('@warpforge/azure-infra');
      const settings = settingsFromEnvironment(process.env);
      if (options.offline !== true) {
        throw new InfraError(
          'INFRA_NOT_AVAILABLE',
          'comparing with what exists on Azure is not part of this version; use "warpforge-infra plan --offline"',
        );
      }
      const resources = planResources(settings);
      if (options.json === true) {
        process.stdout.write(`${JSON.stringify({ settings, resources })}\n`);
        return;
      }
      // Some of these names are common enough to be set for another reason, so the plan says which ones it has listened to.
      const overrides = settingsVariables.filter((name) => (process.env[name] ?? '') !== '');
      process.stdout.write(planTable(resources));
      process.stdout.write(`set by the environment: ${overrides.length === 0 ? 'nothing' : overrides.join(', ')}\n`);
    });
}

function planTable(resources: readonly Resource[]): string {
  const rows = resources.map((resource) => [shortType(resource.type), resource.name, resource.location ?? '', details(resource)]);
  return `${formatTable(['resource', 'name', 'region', 'details'], rows)}\n${resources.length} resources; nothing was sent to Azure\n`;
}

/** `Microsoft.Storage/storageAccounts/blobServices/containers` → `Storage/containers`. */
function shortType(type: string): string {
  const [provider = '', ...names] = type.split('/');
  return `${provider.replace('Microsoft.', '')}/${names.at(-1) ?? ''}`;
}

function details(resource: Resource): string {
  switch (resource.type) {
    case 'Microsoft.Resources/resourceGroups':
      return '';
    case 'Microsoft.Storage/storageAccounts':
      return `${resource.properties.kind}, ${resource.properties.sku}, no shared keys`;
    case 'Microsoft.Storage/storageAccounts/blobServices/containers':
      return `in ${resource.properties.account}`;
    case 'Microsoft.Network/networkSecurityGroups':
      return resource.properties.rules.length === 0
        ? 'no way in (set SSH_SOURCES to reach the VM)'
        : resource.properties.rules.map((rule) => `port ${rule.port} from ${rule.sources.join(', ')}`).join('; ');
    case 'Microsoft.Network/virtualNetworks':
      return `${resource.properties.addressSpace}, subnet ${resource.properties.subnet.addressPrefix}`;
    case 'Microsoft.Network/publicIPAddresses':
      return `${resource.properties.sku}, ${resource.properties.allocation.toLowerCase()}`;
    case 'Microsoft.Network/networkInterfaces':
      return `${resource.properties.publicIpAddress} in ${resource.properties.virtualNetwork}`;
    case 'Microsoft.Compute/virtualMachines':
      return `${resource.properties.size}, ${resource.properties.image}`;
    case 'Microsoft.Authorization/roleAssignments':
      return resource.properties.role;
  }
}
