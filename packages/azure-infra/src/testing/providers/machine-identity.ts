import { ArmError } from '../arm/arm-error.ts';
import type { ArmContext } from '../arm/context.ts';
import { isObject, objectAt, stringAt, type Json, type JsonObject } from '../arm/json.ts';
import type { ResourceId } from '../arm/resource-id.ts';

/**
 * The identity of a machine: a principal of its own, which is made with it and is another one each time that the machine is made again,
 * and user-assigned identities, which must exist. Absent, the current one stays.
 */
export function machineIdentity(
  id: ResourceId,
  wanted: Json | undefined,
  current: Json | undefined,
  context: ArmContext,
): JsonObject | undefined {
  if (!isObject(wanted)) return isObject(current) ? current : undefined;
  const type = stringAt(wanted, 'type') ?? 'None';
  const kinds = type.split(',').map((kind) => kind.trim());
  const before = stringAt(current, 'principalId');
  if (!kinds.includes('SystemAssigned') && before !== undefined) context.directory.remove(before);
  if (type === 'None') return undefined;
  return {
    type,
    ...(kinds.includes('SystemAssigned') ? { principalId: before ?? newPrincipal(id, context), tenantId: context.tenantId } : {}),
    ...(kinds.includes('UserAssigned')
      ? { userAssignedIdentities: userAssigned(objectAt(wanted, 'userAssignedIdentities'), context) }
      : {}),
  };
}

function newPrincipal(id: ResourceId, { guids, directory }: ArmContext): string {
  const principalId = guids.next(`principal of ${id.key}`);
  directory.add({ objectId: principalId, type: 'ServicePrincipal', name: id.name }, false);
  return principalId;
}

function userAssigned(wanted: JsonObject, { store }: ArmContext): JsonObject {
  return Object.fromEntries(
    Object.keys(wanted).map((id) => {
      const identity = store.get(id);
      if (identity === undefined) {
        throw new ArmError(400, 'FailedIdentityOperation', `Identity operation failed. The user assigned identity '${id}' was not found.`);
      }
      return [
        id,
        { principalId: stringAt(identity.body, 'properties.principalId'), clientId: stringAt(identity.body, 'properties.clientId') },
      ];
    }),
  );
}
