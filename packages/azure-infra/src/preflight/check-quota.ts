import type { VmSku } from '../arm/resource-manager.ts';
import type { VmAllocation } from '../vm-facts.ts';
import { existingVm, type AzureFacts } from './azure-facts.ts';
import { error, warning, type Check, type Fault } from './check.ts';

// https://learn.microsoft.com/azure/virtual-machines/quotas
/** Quota of all cores of a region. */
const TOTAL_CORES = 'cores';
/** Quota of all Spot cores of a region; families have none for Spot. */
const SPOT_CORES = 'lowPriorityCores';

/**
 * The quotas of the regions have room for the cores that come in addition. What a VM has already, deallocated or not, counts as used, and
 * goes back when the VM is resized or made anew.
 */
export const checkQuota: Check = {
  rule: 'INFRA_CHECK_QUOTA',
  tells: 'whether the quota of cores is enough',
  async run({ vms }, azure) {
    const known = await azure.locations();
    const regions = [...new Set(vms.map(({ planned }) => planned.location))].filter((location) => known.includes(location));
    const changes = await Promise.all(vms.map(async (vm) => ({ ...vm, existing: await existingVm(vm, azure) })));
    return (await Promise.all(regions.map((location) => checkRegion(location, changes, azure)))).flat();
  },
};

/** What a VM is to become, and what it is. */
interface Change {
  readonly planned: VmAllocation;
  readonly existing: VmAllocation | undefined;
  readonly sizeSetting: string;
}

async function checkRegion(location: string, changes: readonly Change[], azure: AzureFacts): Promise<Fault[]> {
  const more = additionalCores(location, changes, await azure.vmSkus(location));
  if (more.size === 0) return [];
  const sizeSettings = [...new Set(changes.map(({ sizeSetting }) => sizeSetting))].join(', ');
  const quotas = await azure.quotas(location);
  return [...more].flatMap(([name, cores]) => {
    const quota = quotas.find((candidate) => candidate.name.toLowerCase() === name.toLowerCase());
    if (quota === undefined) {
      return [
        warning(
          `${location} tells no quota "${name}", of which ${cores} more cores are needed`,
          'go on: Azure checks it once more while it deploys',
        ),
      ];
    }
    const free = quota.limit - quota.used;
    if (cores <= free) return [];
    return [
      error(
        `the quota "${name}" in ${location} has ${Math.max(0, free)} of ${quota.limit} cores left, and ${cores} more are needed`,
        `ask for a limit of at least ${quota.used + cores} in the portal under "Quotas", or set ${sizeSettings} or LOCATION_A to another`,
      ),
    ];
  });
}

/** Cores needed beyond those in use, by quota; only where there are any. */
function additionalCores(location: string, changes: readonly Change[], skus: readonly VmSku[]): Map<string, number> {
  const sums = new Map<string, number>();
  const add = (vm: VmAllocation | undefined, sign: 1 | -1): void => {
    // A size that is not offered is told by another check.
    const sku = skus.find(({ name }) => name.toLowerCase() === vm?.size.toLowerCase());
    if (vm?.location !== location || sku === undefined) return;
    for (const name of vm.spot ? [SPOT_CORES] : [sku.family, TOTAL_CORES]) sums.set(name, (sums.get(name) ?? 0) + sign * sku.cores);
  };
  for (const { planned, existing } of changes) {
    add(planned, 1);
    add(existing, -1);
  }
  return new Map([...sums].filter(([, cores]) => cores > 0));
}
