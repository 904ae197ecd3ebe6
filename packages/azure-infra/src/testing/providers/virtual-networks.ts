import { ArmError } from '../arm/arm-error.ts';
import type { ArmContext } from '../arm/context.ts';
import { at, isObject, listAt, objectAt, stringAt, withValue, type Json, type JsonObject } from '../arm/json.ts';
import { resourceId, type ResourceId } from '../arm/resource-id.ts';
import { normalLocation } from '../arm/resource-service.ts';
import type { DesiredResource, ResourceType } from '../arm/resource-type.ts';
import { text } from './body.ts';
import { INTERFACE_TYPE, NETWORK_NAMING, NETWORK_READ_ONLY, NETWORK_TIMING, referenced, usersOf } from './network-references.ts';

const NETWORK = 'Microsoft.Network/virtualNetworks';
export const SUBNET_TYPE = `${NETWORK}/subnets`;
export const PEERING_TYPE = `${NETWORK}/virtualNetworkPeerings`;

/**
 * Virtual networks. Their subnets are resources of their own, which a put of the network writes too: those that its `subnets` names come
 * to be, those that it leaves out go. Without the property they stay.
 */
export const VIRTUAL_NETWORK: ResourceType = {
  ...NETWORK_TIMING,
  type: NETWORK,
  naming: NETWORK_NAMING,
  check: ({ body }) => {
    if (listAt(body, 'properties.addressSpace.addressPrefixes').length === 0) {
      throw new ArmError(400, 'VnetAddressSpaceIsNotSpecified', 'The address space of the virtual network is not specified.');
    }
  },
  build: (desired, context) => {
    const { id, body } = desired;
    if (at(body, 'properties.subnets') !== undefined) writeSubnets(desired, context);
    return {
      location: normalLocation(text(body, 'location')),
      tags: objectAt(body, 'tags'),
      properties: {
        resourceGuid: stringAt(desired.current?.body, 'properties.resourceGuid') ?? context.guids.next(`network ${id.key}`),
        enableDdosProtection: false,
        privateEndpointVNetPolicies: 'Disabled',
        ...objectAt(withValue(body, 'properties.subnets', undefined), 'properties'),
        provisioningState: 'Succeeded',
      },
    };
  },
  remove: ({ id }, context) => {
    for (const subnet of context.store.ofType(SUBNET_TYPE, id.id)) demandUnused(subnet.id, context);
  },
  view: ({ id }, body, { store }) => {
    const children = (type: string): readonly Json[] =>
      store.ofType(type, id.id).map((child): Json => ({ id: child.id.id, name: child.id.name, type: child.id.type, ...child.body }));
    return withValue(
      withValue(body, 'properties.subnets', children(SUBNET_TYPE)),
      'properties.virtualNetworkPeerings',
      children(PEERING_TYPE),
    );
  },
  readOnly: NETWORK_READ_ONLY,
  whatIfIgnores: [
    ...['resourceGuid', 'provisioningState', 'enableDdosProtection', 'virtualNetworkPeerings', 'privateEndpointVNetPolicies'],
    ...['id', 'type', 'etag'].map((name) => `subnets.*.${name}`),
    ...['provisioningState', 'delegations', 'privateEndpointNetworkPolicies', 'privateLinkServiceNetworkPolicies', 'ipConfigurations'].map(
      (name) => `subnets.*.properties.${name}`,
    ),
  ].map((path) => `properties.${path}`),
};

/** Subnets as resources of their own. */
export const SUBNET: ResourceType = {
  ...NETWORK_TIMING,
  type: SUBNET_TYPE,
  tracked: false,
  naming: NETWORK_NAMING,
  build: ({ id, body }, context) => ({ properties: subnetProperties(id, objectAt(body, 'properties'), context) }),
  remove: ({ id }, context) => demandUnused(id, context),
  readOnly: NETWORK_READ_ONLY,
  whatIfIgnores: [
    'provisioningState',
    'delegations',
    'privateEndpointNetworkPolicies',
    'privateLinkServiceNetworkPolicies',
    'ipConfigurations',
  ].map((name) => `properties.${name}`),
};

/** Everything is checked before anything is written. */
function writeSubnets({ id, body, current }: DesiredResource, context: ArmContext): void {
  const wanted = listAt(body, 'properties.subnets')
    .filter(isObject)
    .map((subnet) => {
      const subnetId = resourceId(`${current?.id.id ?? id.id}/subnets/${text(subnet, 'name')}`);
      return { id: subnetId, body: { properties: subnetProperties(subnetId, objectAt(subnet, 'properties'), context) } };
    });
  const gone = context.store.ofType(SUBNET_TYPE, id.id).filter((existing) => !wanted.some((subnet) => subnet.id.key === existing.id.key));
  for (const subnet of gone) demandUnused(subnet.id, context);
  for (const subnet of gone) context.store.delete(subnet.id.id);
  for (const subnet of wanted) {
    const before = context.store.get(subnet.id.id);
    context.store.set({
      id: before?.id ?? subnet.id,
      body: subnet.body,
      createdAt: before?.createdAt ?? context.clock.now(),
      provisioned: true,
    });
  }
}

function subnetProperties(id: ResourceId, given: JsonObject, context: ArmContext): JsonObject {
  if (at(given, 'addressPrefix') === undefined && at(given, 'addressPrefixes') === undefined) {
    throw new ArmError(400, 'InvalidRequestFormat', `The subnet ${id.name} has no address prefix.`);
  }
  for (const member of ['networkSecurityGroup', 'natGateway']) {
    const other = stringAt(given, `${member}.id`);
    if (other !== undefined) referenced(id, other, context);
  }
  return {
    delegations: [],
    privateEndpointNetworkPolicies: 'Disabled',
    privateLinkServiceNetworkPolicies: 'Enabled',
    ...given,
    provisioningState: 'Succeeded',
  };
}

function demandUnused(subnet: ResourceId, context: ArmContext): void {
  const user = usersOf(subnet, INTERFACE_TYPE, 'properties.ipConfigurations', context)[0];
  if (user === undefined) return;
  throw new ArmError(
    400,
    'InUseSubnetCannotBeDeleted',
    `Subnet ${subnet.name} is in use by ${user.id.id} and cannot be deleted. In order to delete the subnet, delete all the resources within the subnet.`,
  );
}
