import type { ArmResource } from '../arm/arm-resource.ts';
import type { ResourceManager, RoleAssignmentFacts } from '../arm/resource-manager.ts';
import { parseResourceId, resourceGroupId, sameResourceId } from '../graph/resource-id.ts';
import type { Role } from '../graph/resource.ts';
import { nameOfRoleAssignment } from '../graph/role-assignment.ts';
import { STORAGE_BLOB_DATA_CONTRIBUTOR, STORAGE_BLOB_DATA_READER } from '../graph/roles.ts';
import { ENVIRONMENT_TAG } from '../graph/tags.ts';
import { deletionRank } from './deletable-types.ts';

const GROUP_TYPE = 'Microsoft.Resources/resourceGroups';
const DISK_TYPE = 'Microsoft.Compute/disks';
const ROLES: readonly Role[] = [STORAGE_BLOB_DATA_READER, STORAGE_BLOB_DATA_CONTRIBUTOR];

/** A right that this program has given. */
export interface OwnRight extends RoleAssignmentFacts {
  readonly roleName: string;
}

/** What an environment consists of, by its tags, and what is done with it in a teardown. */
export interface Inventory {
  readonly environment: string;
  /** Rights that this program has given, by their computed names; they go first. */
  readonly roleAssignments: readonly OwnRight[];
  /** Resources of the environment, each before those that it uses. */
  readonly resources: readonly ArmResource[];
  /** Groups of the environment in which there is nothing else. They go with all that is in them. */
  readonly groups: readonly ArmResource[];
  /** Groups of the environment that stay because of what others have in them. */
  readonly sharedGroups: readonly { readonly group: ArmResource; readonly foreign: readonly ArmResource[] }[];
}

/** Finds everything in the subscription that carries the environment's tag. Empty lists when there is no such environment. */
export async function takeInventory(manager: ResourceManager, environment: string, signal: AbortSignal): Promise<Inventory> {
  const tagged = await manager.resources.tagged(ENVIRONMENT_TAG, environment, signal);
  const isGroup = ({ type }: ArmResource): boolean => type.toLowerCase() === GROUP_TYPE.toLowerCase();
  const taggedGroups = tagged.filter(isGroup);
  const taggedResources = tagged.filter((resource) => !isGroup(resource));

  const groupNames = new Set([
    ...taggedGroups.map(({ name }) => name),
    ...taggedResources.map(({ id }) => parseResourceId(id).resourceGroup ?? ''),
  ]);
  const contents = new Map<string, readonly ArmResource[]>();
  for (const name of groupNames) contents.set(name.toLowerCase(), await manager.resources.inGroup(name, signal));

  const children = [...contents.values()].flat().filter((resource) => isOwnChild(resource, taggedResources));
  const resources = [...taggedResources, ...children].sort((a, b) => deletionRank(a.type) - deletionRank(b.type));
  const isOurs = ({ id }: ArmResource): boolean => resources.some((own) => sameResourceId(own.id, id));

  const groups: ArmResource[] = [];
  const sharedGroups: { group: ArmResource; foreign: readonly ArmResource[] }[] = [];
  for (const group of taggedGroups) {
    const foreign = (contents.get(group.name.toLowerCase()) ?? []).filter((resource) => !isOurs(resource));
    if (foreign.length === 0) groups.push(group);
    else sharedGroups.push({ group, foreign });
  }
  return { environment, roleAssignments: await ownRights(manager, resources, groupNames, signal), resources, groups, sharedGroups };
}

/** Whether an environment has nothing at all. */
export function isEmpty({ resources, groups, sharedGroups }: Inventory): boolean {
  return resources.length === 0 && groups.length === 0 && sharedGroups.length === 0;
}

/** A disk that Azure made for a VM of the environment, without its tags; it has the name that the VM gives it. */
function isOwnChild(resource: ArmResource, tagged: readonly ArmResource[]): boolean {
  if (resource.type.toLowerCase() !== DISK_TYPE.toLowerCase() || tagged.some(({ id }) => sameResourceId(id, resource.id))) return false;
  const parent = resource.id.replace(/\/disks\/[^/]+$/i, '/virtualMachines/');
  return tagged.some(({ id, name }) => resource.name === `${name}-os` && sameResourceId(id, `${parent}${name}`));
}

/** Rights at or below resources of the environment with the name that this program would give them. */
async function ownRights(
  manager: ResourceManager,
  resources: readonly ArmResource[],
  groupNames: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<OwnRight[]> {
  const { subscriptionId } = manager;
  const isWithin = (scope: string): boolean => resources.some(({ id }) => `${scope}/`.toLowerCase().startsWith(`${id}/`.toLowerCase()));
  const found: OwnRight[] = [];
  for (const group of groupNames) {
    for (const right of await manager.resources.roleAssignmentsWithin(resourceGroupId(subscriptionId, group), signal)) {
      const role = ROLES.find(({ guid }) => guid === right.roleDefinitionGuid);
      if (role === undefined || !isWithin(right.scope)) continue;
      if (right.name === nameOfRoleAssignment(subscriptionId, right.scope, right.principalId, role))
        found.push({ ...right, roleName: role.name });
    }
  }
  return found;
}
