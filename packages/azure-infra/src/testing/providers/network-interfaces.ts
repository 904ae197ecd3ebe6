import { ArmError } from '../arm/arm-error.ts';
import type { ArmContext } from '../arm/context.ts';
import { at, isObject, listAt, mergeJson, objectAt, stringAt, withValue, type Json, type JsonObject } from '../arm/json.ts';
import type { ResourceId } from '../arm/resource-id.ts';
import { normalLocation } from '../arm/resource-service.ts';
import type { DesiredResource, ResourceType } from '../arm/resource-type.ts';
import { oneOf, text } from './body.ts';
import {
  addressUsers,
  idsIn,
  INTERFACE_TYPE,
  NETWORK_NAMING,
  NETWORK_READ_ONLY,
  NETWORK_TIMING,
  referencedInRegion,
  usersOf,
} from './network-references.ts';

const ADDRESS_TYPE = 'Microsoft.Network/publicIPAddresses';

/** Public addresses. The address is there once the resource is. */
export const PUBLIC_IP_ADDRESS: ResourceType = {
  ...NETWORK_TIMING,
  type: ADDRESS_TYPE,
  naming: NETWORK_NAMING,
  check: ({ body }) => {
    oneOf(body, 'sku.name', ['Basic', 'Standard']);
    oneOf(body, 'properties.publicIPAllocationMethod', ['Static', 'Dynamic']);
    if (stringAt(body, 'sku.name') === 'Standard' && stringAt(body, 'properties.publicIPAllocationMethod') === 'Dynamic') {
      throw new ArmError(400, 'PublicIPAllocationMethodNotAllowed', 'Standard Sku publicIp must have AllocationMethod set to Static.');
    }
  },
  build: ({ id, body, current }, context) => {
    const before = stringAt(current?.body, 'sku.name');
    const sku = stringAt(body, 'sku.name') ?? 'Basic';
    if (before !== undefined && before !== sku) {
      throw new ArmError(
        400,
        'PublicIPAddressSkuCannotBeChanged',
        `The Sku of public IP address ${id.id} can't be changed from ${before} to ${sku}.`,
      );
    }
    return {
      location: normalLocation(text(body, 'location')),
      tags: objectAt(body, 'tags'),
      sku: { name: sku, tier: 'Regional' },
      zones: at(body, 'zones'),
      properties: {
        resourceGuid: stringAt(current?.body, 'properties.resourceGuid') ?? context.guids.next(`address ${id.key}`),
        ipAddress: stringAt(current?.body, 'properties.ipAddress') ?? context.publicIpAddress(id.name),
        publicIPAddressVersion: 'IPv4',
        publicIPAllocationMethod: 'Dynamic',
        idleTimeoutInMinutes: 4,
        ipTags: [],
        ...objectAt(body, 'properties'),
        provisioningState: 'Succeeded',
      },
    };
  },
  remove: ({ id }, context) => {
    const user = addressUsers(id, context)[0];
    if (user === undefined) return;
    throw new ArmError(
      400,
      'PublicIPAddressCannotBeDeleted',
      `Public IP address ${id.id} can not be deleted since it is still allocated to resource ${user.id.id}.`,
    );
  },
  view: ({ id }, body, context) => {
    const user = usersOf(id, INTERFACE_TYPE, 'properties.ipConfigurations', context)[0];
    const configuration = listAt(user?.body, 'properties.ipConfigurations').find((item) =>
      idsIn(item).some((used) => used.toLowerCase() === id.key),
    );
    const configurationId = stringAt(configuration, 'id');
    return configurationId === undefined ? body : withValue(body, 'properties.ipConfiguration', { id: configurationId });
  },
  readOnly: NETWORK_READ_ONLY,
  whatIfIgnores: [
    'sku.tier',
    'properties.resourceGuid',
    'properties.ipAddress',
    'properties.publicIPAddressVersion',
    'properties.idleTimeoutInMinutes',
    'properties.ipTags',
    'properties.ipConfiguration',
    'properties.provisioningState',
  ],
};

/** Network interfaces: subnet, public address and security group must exist, in the same region. */
export const NETWORK_INTERFACE: ResourceType = {
  ...NETWORK_TIMING,
  type: INTERFACE_TYPE,
  naming: NETWORK_NAMING,
  build: buildInterface,
  remove: ({ id, body }) => {
    const machine = stringAt(body, 'properties.virtualMachine.id');
    if (machine === undefined) return;
    throw new ArmError(
      400,
      'NicInUse',
      `Network Interface ${id.id} is used by existing resource ${machine}. In order to delete the network interface, it must be dissociated from the resource.`,
    );
  },
  readOnly: NETWORK_READ_ONLY,
  whatIfIgnores: [
    ...[
      'resourceGuid',
      'provisioningState',
      'macAddress',
      'virtualMachine',
      'primary',
      'dnsSettings',
      'hostedWorkloads',
      'tapConfigurations',
    ],
    ...[
      'enableAcceleratedNetworking',
      'enableIPForwarding',
      'vnetEncryptionSupported',
      'disableTcpStateTracking',
      'auxiliaryMode',
      'auxiliarySku',
    ],
    ...['id', 'type', 'etag'].map((name) => `ipConfigurations.*.${name}`),
    ...['provisioningState', 'privateIPAddress', 'privateIPAllocationMethod', 'privateIPAddressVersion', 'primary'].map(
      (name) => `ipConfigurations.*.properties.${name}`,
    ),
  ].map((path) => `properties.${path}`),
};

function buildInterface({ id, body, current }: DesiredResource, context: ArmContext): JsonObject {
  const location = normalLocation(text(body, 'location'));
  const configurations = listAt(body, 'properties.ipConfigurations').filter(isObject);
  if (configurations.length === 0) {
    throw new ArmError(
      400,
      'NetworkInterfaceMustHaveIpConfiguration',
      `Network interface ${id.id} must have one or more IP configurations.`,
    );
  }
  const group = stringAt(body, 'properties.networkSecurityGroup.id');
  if (group !== undefined) referencedInRegion(id, location, group, context);
  return {
    location,
    tags: objectAt(body, 'tags'),
    // Templates don't state it, and what-if shows it as deleted every time.
    kind: 'Regular',
    properties: {
      resourceGuid: stringAt(current?.body, 'properties.resourceGuid') ?? context.guids.next(`interface ${id.key}`),
      macAddress: '00-0D-3A-00-00-01',
      enableAcceleratedNetworking: false,
      enableIPForwarding: false,
      vnetEncryptionSupported: false,
      disableTcpStateTracking: false,
      auxiliaryMode: 'None',
      auxiliarySku: 'None',
      nicType: 'Standard',
      hostedWorkloads: [],
      tapConfigurations: [],
      dnsSettings: { dnsServers: [], appliedDnsServers: [] },
      ...objectAt(body, 'properties'),
      virtualMachine: at(current?.body, 'properties.virtualMachine'),
      ipConfigurations: configurations.map((configuration, index): Json => ipConfiguration(id, location, configuration, index, context)),
      provisioningState: 'Succeeded',
    },
  };
}

function ipConfiguration(id: ResourceId, location: string, configuration: JsonObject, index: number, context: ArmContext): JsonObject {
  const name = text(configuration, 'name');
  const subnet = text(configuration, 'properties.subnet.id');
  referencedInRegion(id, location, subnet, context);
  const address = stringAt(configuration, 'properties.publicIPAddress.id');
  if (address !== undefined) {
    const target = referencedInRegion(id, location, address, context);
    const other = addressUsers(target.id, context).find((user) => user.id.key !== id.key);
    if (other !== undefined) {
      throw new ArmError(
        400,
        'PublicIPAddressInUse',
        `Resource ${id.id} is referencing public IP address ${address} that is already allocated to resource ${other.id.id}.`,
      );
    }
  }
  return mergeJson(
    {
      id: `${id.id}/ipConfigurations/${name}`,
      type: 'Microsoft.Network/networkInterfaces/ipConfigurations',
      properties: {
        privateIPAddress: `10.0.0.${4 + index}`,
        privateIPAllocationMethod: 'Dynamic',
        privateIPAddressVersion: 'IPv4',
        primary: index === 0,
        provisioningState: 'Succeeded',
      },
    },
    configuration,
  );
}
