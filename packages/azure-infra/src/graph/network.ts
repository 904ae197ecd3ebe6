import { resourceIdExpression, type Expression, type TemplateObject } from '../template/expression.ts';
import type { Resource } from './resource.ts';

const API_VERSION = '2024-05-01';
const VIRTUAL_NETWORK = 'Microsoft.Network/virtualNetworks';
/** Type of a public IP address. */
export const PUBLIC_IP_ADDRESS = 'Microsoft.Network/publicIPAddresses';

/** The name of the subnet of a network that has only one. */
export const DEFAULT_SUBNET = 'default';
/** Rules are ordered by priority; 100 is the first that a person may use. */
const SSH_PRIORITY = 100;

/** What every resource of a network needs to be told. */
interface NetworkPart {
  readonly key: string;
  readonly name: string;
  readonly location: string;
}

/** Lets SSH in from the given networks (CIDR) and, as all security groups do, nothing else from outside. */
export function sshSecurityGroup({ key, name, location, sources }: NetworkPart & { readonly sources: readonly string[] }): Resource {
  const ssh = {
    name: 'ssh',
    properties: {
      access: 'Allow',
      direction: 'Inbound',
      priority: SSH_PRIORITY,
      protocol: 'Tcp',
      sourceAddressPrefixes: [...sources],
      sourcePortRange: '*',
      destinationAddressPrefix: '*',
      destinationPortRange: '22',
    },
  };
  return {
    key,
    type: 'Microsoft.Network/networkSecurityGroups',
    apiVersion: API_VERSION,
    name,
    location,
    tags: {},
    properties: { securityRules: sources.length === 0 ? [] : [ssh] },
    dependsOn: [],
  };
}

/** A part of a network. */
export interface Subnet {
  readonly name: string;
  /** In CIDR notation, within the network's address space. */
  readonly prefix: string;
  /** Guards it. */
  readonly securityGroup: Resource;
  /** The way out of machines that have no public address; absent: they have none. */
  readonly natGateway?: Resource;
  /** Services of Azure that are reached without leaving Azure's network: `Microsoft.Storage`. Default: none. */
  readonly serviceEndpoints?: readonly string[];
}

/** What a network needs to be told. */
export interface VirtualNetworkOptions extends NetworkPart {
  /** In CIDR notation. */
  readonly addressSpace: string;
  readonly subnets: readonly Subnet[];
}

/** A network and its subnets. */
export function virtualNetwork({ key, name, location, addressSpace, subnets }: VirtualNetworkOptions): Resource {
  return {
    key,
    type: VIRTUAL_NETWORK,
    apiVersion: API_VERSION,
    name,
    location,
    tags: {},
    properties: {
      addressSpace: { addressPrefixes: [addressSpace] },
      subnets: subnets.map(subnetOf),
    },
    dependsOn: [
      ...new Set(
        subnets.flatMap(({ securityGroup, natGateway }) => [securityGroup.key, ...(natGateway === undefined ? [] : [natGateway.key])]),
      ),
    ],
  };
}

function subnetOf({ name, prefix, securityGroup, natGateway, serviceEndpoints }: Subnet): TemplateObject {
  return {
    name,
    properties: {
      addressPrefix: prefix,
      networkSecurityGroup: { id: idOf(securityGroup) },
      ...(natGateway === undefined ? {} : { natGateway: { id: idOf(natGateway) } }),
      ...(serviceEndpoints === undefined ? {} : { serviceEndpoints: serviceEndpoints.map((service) => ({ service })) }),
    },
  };
}

/** The id of a subnet of a network of the graph. */
export function subnetId(network: Resource, subnet: string): Expression {
  return resourceIdExpression(`${VIRTUAL_NETWORK}/subnets`, `${network.name}/${subnet}`);
}

/** A fixed address, so that a VM that was stopped is found again. */
export function publicIpAddress({ key, name, location }: NetworkPart): Resource {
  return {
    key,
    type: PUBLIC_IP_ADDRESS,
    apiVersion: API_VERSION,
    name,
    location,
    tags: {},
    sku: { name: 'Standard', tier: 'Regional' },
    properties: { publicIPAllocationMethod: 'Static', publicIPAddressVersion: 'IPv4' },
    dependsOn: [],
  };
}

/** Connects a VM to a subnet and to its public address, where it has one. */
export function networkInterface({
  key,
  name,
  location,
  network,
  subnet = DEFAULT_SUBNET,
  address,
}: NetworkPart & { readonly network: Resource; readonly subnet?: string; readonly address?: Resource }): Resource {
  return {
    key,
    type: 'Microsoft.Network/networkInterfaces',
    apiVersion: API_VERSION,
    name,
    location,
    tags: {},
    properties: {
      ipConfigurations: [
        {
          name: 'primary',
          properties: {
            primary: true,
            privateIPAllocationMethod: 'Dynamic',
            subnet: { id: subnetId(network, subnet) },
            ...(address === undefined ? {} : { publicIPAddress: { id: idOf(address) } }),
          },
        },
      ],
    },
    dependsOn: [network.key, ...(address === undefined ? [] : [address.key])],
  };
}

function idOf({ type, name }: Resource): Expression {
  return resourceIdExpression(type, name);
}
