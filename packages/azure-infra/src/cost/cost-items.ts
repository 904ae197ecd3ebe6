import { vmFacts } from '../vm-facts.ts';
import { diskTier } from './disk-tier.ts';
import type { PriceQuery } from './price-source.ts';

/** What of a resource decides its cost; resources of a graph and of Resource Manager both have it. */
export interface PricedResource {
  readonly type: string;
  readonly name: string;
  readonly location?: string;
  readonly sku?: unknown;
  readonly properties?: unknown;
}

/** One thing that is paid by the hour. */
export interface CostItem {
  /** Name of the resource. */
  readonly resource: string;
  readonly description: string;
  /** Undefined where it is not known what it is in the price list. */
  readonly query: PriceQuery | undefined;
}

/** Types that cost nothing by themselves, or are paid by use alone. */
const FREE_BY_THE_HOUR = new Set(
  [
    'Microsoft.Storage/storageAccounts',
    'Microsoft.Storage/storageAccounts/blobServices',
    'Microsoft.Storage/storageAccounts/blobServices/containers',
    'Microsoft.Storage/storageAccounts/queueServices/queues',
    // Its instances are paid, and listed as VMs while they exist; it is made without any.
    'Microsoft.Compute/virtualMachineScaleSets',
    'Microsoft.Network/networkSecurityGroups',
    'Microsoft.Network/virtualNetworks',
    'Microsoft.Network/virtualNetworks/virtualNetworkPeerings',
    'Microsoft.Network/networkInterfaces',
    'Microsoft.ManagedIdentity/userAssignedIdentities',
    'Microsoft.Authorization/roleAssignments',
    'Microsoft.Authorization/roleDefinitions',
    'Microsoft.Resources/resourceGroups',
    // Listed beside the VM that they belong to, and counted there.
    'Microsoft.Compute/disks',
  ].map((type) => type.toLowerCase()),
);

/** Used where the image decides: Ubuntu's has 30 GiB, and the step above is the same for all up to 32. */
const IMAGE_GIB = 32;

/** What is paid by the hour; what a type costs that is not known here is an item without a query. */
export function costItems(resources: readonly PricedResource[]): CostItem[] {
  return resources.flatMap((resource) => {
    const type = resource.type.toLowerCase();
    if (type === 'microsoft.compute/virtualmachines') return vmItems(resource);
    if (type === 'microsoft.network/publicipaddresses') return [publicIpItem(resource)];
    return FREE_BY_THE_HOUR.has(type) ? [] : [{ resource: resource.name, description: resource.type, query: undefined }];
  });
}

function vmItems(resource: PricedResource): CostItem[] {
  const facts = vmFacts(resource);
  if (facts === undefined) return [{ resource: resource.name, description: 'VM', query: undefined }];
  const { size, location, spot } = facts;
  const vm: CostItem = {
    resource: resource.name,
    description: spot ? `VM ${size} (Spot)` : `VM ${size}`,
    query: { service: 'vm', location, sku: size, spot },
  };
  const disks = facts.disks.map(({ name, sizeGib = IMAGE_GIB, storageAccountType }): CostItem => {
    const sku = storageAccountType === undefined ? undefined : diskTier(storageAccountType, sizeGib);
    return {
      resource: resource.name,
      description: [name, storageAccountType, `${sizeGib} GiB`].filter((part) => part !== undefined).join(' '),
      query: sku === undefined ? undefined : { service: 'disk', location, sku },
    };
  });
  return [vm, ...disks];
}

function publicIpItem({ name, location, sku }: PricedResource): CostItem {
  const isStandard = typeof sku === 'object' && sku !== null && 'name' in sku && sku.name === 'Standard';
  return {
    resource: name,
    description: 'public IP address',
    query: isStandard && location !== undefined ? { service: 'publicIp', location, sku: 'Standard' } : undefined,
  };
}
