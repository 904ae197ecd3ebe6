import { ArmError } from '../arm/arm-error.ts';
import type { ArmContext } from '../arm/context.ts';
import { at, listAt, objectAt, stringAt, withValue, type Json, type JsonObject } from '../arm/json.ts';
import { normalLocation } from '../arm/resource-service.ts';
import type { DesiredResource, ResourceType } from '../arm/resource-type.ts';
import { oneOf, text } from './body.ts';
import {
  addressUsers,
  NAT_GATEWAY_TYPE,
  NETWORK_NAMING,
  NETWORK_READ_ONLY,
  NETWORK_TIMING,
  referencedInRegion,
  usersOf,
} from './network-references.ts';
import { SUBNET_TYPE } from './virtual-networks.ts';

/** Ways out to the internet. Subnets refer to them; each has public addresses of its own. */
export const NAT_GATEWAY: ResourceType = {
  ...NETWORK_TIMING,
  type: NAT_GATEWAY_TYPE,
  naming: NETWORK_NAMING,
  check: ({ body }) => {
    text(body, 'sku.name');
    oneOf(body, 'sku.name', ['Standard', 'StandardV2']);
  },
  build,
  remove: ({ id }, context) => {
    const user = usersOf(id, SUBNET_TYPE, 'properties.natGateway', context)[0];
    if (user === undefined) return;
    throw new ArmError(
      400,
      'InUseNatGatewayCannotBeDeleted',
      `NAT gateway ${id.id} cannot be deleted because it is in use by the following resources: ${user.id.id}.`,
    );
  },
  view: ({ id }, body, context) =>
    withValue(
      body,
      'properties.subnets',
      usersOf(id, SUBNET_TYPE, 'properties.natGateway', context).map((subnet): Json => ({ id: subnet.id.id })),
    ),
  readOnly: NETWORK_READ_ONLY,
  whatIfIgnores: [
    'sku.tier',
    ...['resourceGuid', 'provisioningState', 'idleTimeoutInMinutes', 'subnets'].map((name) => `properties.${name}`),
  ],
};

function build({ id, body, current }: DesiredResource, context: ArmContext): JsonObject {
  const location = normalLocation(text(body, 'location'));
  for (const reference of listAt(body, 'properties.publicIpAddresses')) {
    const address = referencedInRegion(id, location, text(reference, 'id'), context);
    if (stringAt(address.body, 'sku.name') !== 'Standard') {
      throw new ArmError(
        400,
        'InvalidRequestFormat',
        `NAT gateway ${id.id} needs public IP addresses of the Standard sku, and ${address.id.id} is none.`,
      );
    }
    const other = addressUsers(address.id, context).find((user) => user.id.key !== id.key);
    if (other === undefined) continue;
    throw new ArmError(
      400,
      'PublicIPAddressInUse',
      `Resource ${id.id} is referencing public IP address ${address.id.id} that is already allocated to resource ${other.id.id}.`,
    );
  }
  return {
    location,
    tags: objectAt(body, 'tags'),
    sku: { tier: 'Regional', ...objectAt(body, 'sku') },
    zones: at(body, 'zones') ?? at(current?.body, 'zones'),
    properties: {
      resourceGuid: stringAt(current?.body, 'properties.resourceGuid') ?? context.guids.next(`NAT gateway ${id.key}`),
      idleTimeoutInMinutes: 4,
      ...objectAt(body, 'properties'),
      provisioningState: 'Succeeded',
    },
  };
}
