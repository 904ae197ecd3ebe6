import { ArmError } from '../arm/arm-error.ts';
import { at, isObject, listAt, objectAt, stringAt, type Json, type JsonObject } from '../arm/json.ts';
import { normalLocation } from '../arm/resource-service.ts';
import type { ResourceType } from '../arm/resource-type.ts';
import { oneOf, text } from './body.ts';
import { INTERFACE_TYPE, NETWORK_NAMING, NETWORK_READ_ONLY, NETWORK_TIMING, usersOf } from './network-references.ts';
import { SUBNET_TYPE } from './virtual-networks.ts';

/** The rules that every group has, after those of people. */
const DEFAULT_RULES = [
  ['AllowVnetInBound', 'Inbound', 'Allow', 65000, 'VirtualNetwork', 'VirtualNetwork'],
  ['AllowAzureLoadBalancerInBound', 'Inbound', 'Allow', 65001, 'AzureLoadBalancer', '*'],
  ['DenyAllInBound', 'Inbound', 'Deny', 65500, '*', '*'],
  ['AllowVnetOutBound', 'Outbound', 'Allow', 65000, 'VirtualNetwork', 'VirtualNetwork'],
  ['AllowInternetOutBound', 'Outbound', 'Allow', 65001, '*', 'Internet'],
  ['DenyAllOutBound', 'Outbound', 'Deny', 65500, '*', '*'],
] as const;

/**
 * Security groups with their rules. On Azure a put is polled by a URL of its own, as for the other network types; here the state is in the
 * resource alone, so that clients meet this way of the protocol, too.
 */
export const NETWORK_SECURITY_GROUP: ResourceType = {
  ...NETWORK_TIMING,
  put: { polling: 'provisioning-state', createSeconds: 10, updateSeconds: 10 },
  type: 'Microsoft.Network/networkSecurityGroups',
  naming: NETWORK_NAMING,
  check: ({ body }) => checkRules(listAt(body, 'properties.securityRules').filter(isObject)),
  build: ({ id, body, current }, context) => ({
    location: normalLocation(text(body, 'location')),
    tags: objectAt(body, 'tags'),
    properties: {
      resourceGuid: stringAt(current?.body, 'properties.resourceGuid') ?? context.guids.next(`security group ${id.key}`),
      securityRules: listAt(body, 'properties.securityRules')
        .filter(isObject)
        .map((rule): Json => {
          const name = text(rule, 'name');
          return {
            ...rule,
            id: `${id.id}/securityRules/${name}`,
            type: 'Microsoft.Network/networkSecurityGroups/securityRules',
            properties: {
              ...Object.fromEntries(
                ['sourceAddressPrefixes', 'destinationAddressPrefixes', 'sourcePortRanges', 'destinationPortRanges'].map((list) => [
                  list,
                  [],
                ]),
              ),
              ...objectAt(rule, 'properties'),
              provisioningState: 'Succeeded',
            },
          };
        }),
      defaultSecurityRules: DEFAULT_RULES.map(([name, direction, access, priority, source, destination]): Json => ({
        name,
        id: `${id.id}/defaultSecurityRules/${name}`,
        properties: { direction, access, priority, protocol: '*', sourceAddressPrefix: source, destinationAddressPrefix: destination },
      })),
      provisioningState: 'Succeeded',
    },
  }),
  remove: ({ id }, context) => {
    const user =
      usersOf(id, SUBNET_TYPE, 'properties.networkSecurityGroup', context)[0] ??
      usersOf(id, INTERFACE_TYPE, 'properties.networkSecurityGroup', context)[0];
    if (user === undefined) return;
    throw new ArmError(
      400,
      'InUseNetworkSecurityGroupCannotBeDeleted',
      `Network security group ${id.id} cannot be deleted because it is in use by the following resources: ${user.id.id}.`,
    );
  },
  readOnly: NETWORK_READ_ONLY,
  whatIfIgnores: [
    ...['resourceGuid', 'provisioningState', 'defaultSecurityRules', 'subnets', 'networkInterfaces'],
    ...['id', 'type', 'etag'].map((name) => `securityRules.*.${name}`),
    ...['provisioningState', 'sourceAddressPrefixes', 'destinationAddressPrefixes', 'sourcePortRanges', 'destinationPortRanges'].map(
      (name) => `securityRules.*.properties.${name}`,
    ),
  ].map((path) => `properties.${path}`),
};

const MIN_PRIORITY = 100;
const MAX_PRIORITY = 4096;

function checkRules(rules: readonly JsonObject[]): void {
  const seen = new Map<string, string>();
  for (const rule of rules) {
    const name = text(rule, 'name');
    oneOf(rule, 'properties.direction', ['Inbound', 'Outbound']);
    oneOf(rule, 'properties.access', ['Allow', 'Deny']);
    oneOf(rule, 'properties.protocol', ['Tcp', 'Udp', 'Icmp', 'Esp', 'Ah', '*']);
    const priority = at(rule, 'properties.priority');
    if (typeof priority !== 'number' || priority < MIN_PRIORITY || priority > MAX_PRIORITY) {
      throw new ArmError(
        400,
        'SecurityRuleInvalidPriority',
        `Security rule has invalid Priority. Value provided: ${JSON.stringify(priority)} Allowed range ${MIN_PRIORITY}-${MAX_PRIORITY}.`,
      );
    }
    for (const end of ['source', 'destination']) {
      const [one, many] = [at(rule, `properties.${end}AddressPrefix`), listAt(rule, `properties.${end}AddressPrefixes`)];
      if ((one === undefined || one === null || one === '') && many.length === 0) {
        throw new ArmError(400, 'SecurityRuleMissingAddressPrefix', `Security rule ${name} must specify a ${end} address prefix.`);
      }
    }
    const key = `${text(rule, 'properties.direction')} ${priority}`;
    const other = seen.get(key);
    if (other !== undefined) {
      throw new ArmError(
        400,
        'SecurityRuleConflict',
        `Security rule ${name} conflicts with rule ${other}. Rules cannot have the same Priority and Direction.`,
      );
    }
    seen.set(key, name);
  }
}
