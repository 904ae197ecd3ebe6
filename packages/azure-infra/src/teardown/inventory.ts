import type { ArmResource } from '../arm/arm-resource.ts';
import type { ResourceManager, RoleAssignmentFacts } from '../arm/resource-manager.ts';
import { cacheWarmerRoles } from '../environment/cache-warmer-roles.ts';
import { parseResourceId, resourceGroupId, resourceId, sameResourceId } from '../graph/resource-id.ts';
import type { Role } from '../graph/resource.ts';
import { nameOfRoleAssignment } from '../graph/role-assignment.ts';
import { ROLE_DEFINITION, ROLE_DEFINITION_API_VERSION } from '../graph/role-definition.ts';
import {
  STORAGE_BLOB_DATA_CONTRIBUTOR,
  STORAGE_BLOB_DATA_READER,
  STORAGE_QUEUE_DATA_MESSAGE_SENDER,
  STORAGE_QUEUE_DATA_READER,
} from '../graph/roles.ts';
import { SCALE_SET } from '../graph/scale-set.ts';
import { ENVIRONMENT_TAG } from '../graph/tags.ts';
import { deletionRank } from './deletable-types.ts';

const GROUP_TYPE = 'Microsoft.Resources/resourceGroups';
const DISK_TYPE = 'Microsoft.Compute/disks';
/** Azure's own roles that this program assigns. */
const ROLES: readonly Role[] = [
  STORAGE_BLOB_DATA_READER,
  STORAGE_BLOB_DATA_CONTRIBUTOR,
  STORAGE_QUEUE_DATA_READER,
  STORAGE_QUEUE_DATA_MESSAGE_SENDER,
];

/** A right that this program has given. */
export interface OwnRight extends RoleAssignmentFacts {
  readonly roleName: string;
}

/** What an environment consists of, by its tags, and what is done with it in a teardown. */
export interface Inventory {
  readonly environment: string;
  /** Rights that this program has given, by their computed names; they go first. */
  readonly roleAssignments: readonly OwnRight[];
  /** Roles that this program has defined. They belong to the tenant, so they do not go with a group. */
  readonly roleDefinitions: readonly { readonly id: string; readonly name: string }[];
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
  const roleAssignments = await ownRights(manager, resources, groupNames, signal);
  const roleDefinitions = await ownRoles(manager, groupNames, signal);
  return { environment, roleAssignments, roleDefinitions, resources, groups, sharedGroups };
}

/** Whether an environment has nothing at all. */
export function isEmpty({ resources, groups, sharedGroups }: Inventory): boolean {
  return resources.length === 0 && groups.length === 0 && sharedGroups.length === 0;
}

/** What Azure made for a VM or a scale set of the environment, without its tags; it has a name that follows from that of its owner. */
function isOwnChild(resource: ArmResource, tagged: readonly ArmResource[]): boolean {
  if (tagged.some(({ id }) => sameResourceId(id, resource.id))) return false;
  if (isPartOfInstance(resource, tagged)) return true;
  if (resource.type.toLowerCase() !== DISK_TYPE.toLowerCase()) return false;
  const parent = resource.id.replace(/\/disks\/[^/]+$/i, '/virtualMachines/');
  return tagged.some(({ id, name }) => resource.name === `${name}-os` && sameResourceId(id, `${parent}${name}`));
}

const INSTANCE_TYPES = new Set(
  ['Microsoft.Compute/virtualMachines', DISK_TYPE, 'Microsoft.Network/networkInterfaces'].map((type) => type.toLowerCase()),
);

/** An instance of a scale set (`set_0a1b2c3d`), its disk (`set_0a1b2c3d_…`) or its interface, named by the set's (`set-nic-…`). */
function isPartOfInstance({ id, type, name }: ArmResource, tagged: readonly ArmResource[]): boolean {
  if (!INSTANCE_TYPES.has(type.toLowerCase())) return false;
  const group = parseResourceId(id).resourceGroup?.toLowerCase();
  return tagged.some(
    (set) =>
      set.type.toLowerCase() === SCALE_SET.toLowerCase() &&
      parseResourceId(set.id).resourceGroup?.toLowerCase() === group &&
      (name.startsWith(`${set.name}_`) || name.startsWith(`${set.name}-nic-`)),
  );
}

/** Roles of the groups by the names that this program would give them. */
async function ownRoles(
  manager: ResourceManager,
  groupNames: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<{ id: string; name: string }[]> {
  const { subscriptionId } = manager;
  const roles = [...groupNames].flatMap((group) =>
    Object.values(cacheWarmerRoles(subscriptionId, group)).map(({ guid, name }) => ({
      id: resourceId(subscriptionId, group, ROLE_DEFINITION, guid),
      name,
    })),
  );
  const found = await Promise.all(roles.map(({ id }) => manager.resources.get(id, ROLE_DEFINITION_API_VERSION, signal)));
  return roles.filter((_role, index) => found[index] !== undefined);
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
    const groupId = resourceGroupId(subscriptionId, group);
    const roles = Object.values(cacheWarmerRoles(subscriptionId, group));
    for (const right of await manager.resources.roleAssignmentsWithin(groupId, signal)) {
      const isRight = ({ guid }: Role): boolean => guid === right.roleDefinitionGuid;
      const own = roles.find(isRight);
      const role = own ?? ROLES.find(isRight);
      if (role === undefined) continue;
      // A role of the group's own may be for the whole of it.
      if (!isWithin(right.scope) && (own === undefined || !sameResourceId(right.scope, groupId))) continue;
      if (right.name === nameOfRoleAssignment(subscriptionId, right.scope, right.principalId, role))
        found.push({ ...right, roleName: role.name });
    }
  }
  return found;
}
