import { ArmError } from '../arm/arm-error.ts';
import type { ArmContext } from '../arm/context.ts';
import { at, isList, isObject, stringAt, type Json } from '../arm/json.ts';
import type { ResourceId } from '../arm/resource-id.ts';
import { isSettled, provisioningState, type StoredResource } from '../arm/store.ts';

export const NETWORK_API_VERSIONS: readonly string[] = [
  '2022-07-01',
  '2023-04-01',
  '2023-06-01',
  '2023-09-01',
  '2023-11-01',
  '2024-01-01',
  '2024-03-01',
  '2024-05-01',
  '2024-07-01',
  '2024-10-01',
  '2025-01-01',
  '2025-05-01',
  '2026-01-01',
];

/** How most of the network's types answer: the state is in a URL of its own, and changes take seconds. */
export const NETWORK_TIMING = {
  apiVersions: NETWORK_API_VERSIONS,
  tracked: true,
  put: { polling: 'azure-async-operation', createSeconds: 10, updateSeconds: 10 },
  delete: { polling: 'location', seconds: 10 },
} as const;

/** What only the service sets. */
export const NETWORK_READ_ONLY: readonly string[] = ['etag', 'properties.resourceGuid', 'properties.provisioningState'];

/** The naming rule that all network resources share. */
export const NETWORK_NAMING = {
  pattern: /^[A-Za-z0-9]([\w.-]{0,78}\w)?$/,
  rule: 'it must begin with a letter or number, end with a letter, number or underscore, and may contain only letters, numbers, underscores, periods, or hyphens.',
  code: 'InvalidResourceName',
};

/**
 * The other resource that a property names by id.
 *
 * @throws {ArmError} when it doesn't exist or isn't finished: in a deployment, when `dependsOn` doesn't name it.
 */
export function referenced(from: ResourceId, id: string, { store }: ArmContext): StoredResource {
  const target = store.get(id);
  if (target === undefined) {
    throw new ArmError(
      400,
      'InvalidResourceReference',
      `Resource ${id} referenced by resource ${from.id} was not found. Please make sure that the referenced resource exists, and that both resources are in the same region.`,
    );
  }
  if (!isSettled(target.body) || provisioningState(target.body) === 'Failed') {
    throw new ArmError(
      409,
      'ReferencedResourceNotProvisioned',
      `Cannot proceed with operation because resource ${id} used by resource ${from.id} is not in Succeeded state. ` +
        `Resource is in ${provisioningState(target.body) ?? 'unknown'} state.`,
    );
  }
  return target;
}

/** The same, and both must be in one region. */
export function referencedInRegion(from: ResourceId, location: string, id: string, context: ArmContext): StoredResource {
  const target = referenced(from, id, context);
  const other = stringAt(target.body, 'location');
  if (other !== undefined && other !== location) {
    throw new ArmError(
      400,
      'InvalidResourceReference',
      `Resource ${id} referenced by resource ${from.id} was not found. Please make sure that the referenced resource exists, and that both resources are in the same region.`,
    );
  }
  return target;
}

/** All values of members called `id` in a value, however deep: the resources that it names. */
export function idsIn(value: Json | undefined): readonly string[] {
  if (isList(value)) return value.flatMap(idsIn);
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, inner]) => (name === 'id' && typeof inner === 'string' ? [inner] : idsIn(inner)));
}

export const INTERFACE_TYPE = 'Microsoft.Network/networkInterfaces';
export const NAT_GATEWAY_TYPE = 'Microsoft.Network/natGateways';

/** What has a public address: only one thing can. */
export function addressUsers(id: ResourceId, context: ArmContext): readonly StoredResource[] {
  return [
    ...usersOf(id, INTERFACE_TYPE, 'properties.ipConfigurations', context),
    ...usersOf(id, NAT_GATEWAY_TYPE, 'properties.publicIpAddresses', context),
  ];
}

/** Resources of a type whose value at the path names the given id. */
export function usersOf(id: ResourceId, type: string, path: string, { store }: ArmContext): readonly StoredResource[] {
  return store.ofType(type).filter(({ body }) => idsIn(at(body, path)).some((used) => used.toLowerCase() === id.key));
}
