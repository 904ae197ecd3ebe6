import type { ArmResource } from '../arm/arm-resource.ts';
import type { ResourceManager } from '../arm/resource-manager.ts';
import { VIRTUAL_MACHINE } from '../graph/virtual-machine.ts';
import { deletionApiVersion } from './deletable-types.ts';
import type { Inventory } from './inventory.ts';

/** One resource that exists, and how it is. */
export interface ResourceState {
  readonly resource: ArmResource;
  /** `Succeeded`, `Creating`, `Failed`, …; of a VM its power state: `running`, `deallocated`. */
  readonly state: string;
}

/** What an environment has, with the state of each, asked now. */
export async function inventoryState(
  manager: ResourceManager,
  inventory: Inventory,
  signal: AbortSignal,
): Promise<readonly ResourceState[]> {
  const groups = [...inventory.groups, ...inventory.sharedGroups.map(({ group }) => group)];
  const listed = [...groups, ...[...inventory.resources].reverse()];
  const states = await Promise.all(
    listed.map(async (one): Promise<ResourceState | undefined> => {
      const apiVersion = deletionApiVersion(one.type);
      // Lists do not tell properties.
      const resource = apiVersion === undefined ? one : await manager.resources.get(one.id, apiVersion, signal);
      return resource === undefined ? undefined : { resource, state: await stateOf(manager, resource, signal) };
    }),
  );
  return states.filter((state) => state !== undefined);
}

async function stateOf(manager: ResourceManager, resource: ArmResource, signal: AbortSignal): Promise<string> {
  const provisioning = resource.properties?.['provisioningState'];
  const state = typeof provisioning === 'string' ? provisioning : 'exists';
  if (resource.type.toLowerCase() !== VIRTUAL_MACHINE.toLowerCase() || state !== 'Succeeded') return state;
  return (await manager.resources.powerState(resource.id, signal)) ?? state;
}
