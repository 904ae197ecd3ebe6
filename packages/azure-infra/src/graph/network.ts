import { resourceIdExpression, type Expression } from '../template/expression.ts';
import type { Resource } from './resource.ts';

const API_VERSION = '2024-05-01';
const VIRTUAL_NETWORK = 'Microsoft.Network/virtualNetworks';
/** Type of a public IP address. */
export const PUBLIC_IP_ADDRESS = 'Microsoft.Network/publicIPAddresses';

const SUBNET = 'default';
/** Small enough to leave room beside other networks that it may be peered with, large enough for a fleet. */
const ADDRESS_SPACE = '10.20.0.0/16';
const SUBNET_PREFIX = '10.20.0.0/24';
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

/** A network with one subnet, which the security group guards. */
export function virtualNetwork({ key, name, location, securityGroup }: NetworkPart & { readonly securityGroup: Resource }): Resource {
  return {
    key,
    type: VIRTUAL_NETWORK,
    apiVersion: API_VERSION,
    name,
    location,
    tags: {},
    properties: {
      addressSpace: { addressPrefixes: [ADDRESS_SPACE] },
      subnets: [
        {
          name: SUBNET,
          properties: {
            addressPrefix: SUBNET_PREFIX,
            networkSecurityGroup: { id: idOf(securityGroup) },
          },
        },
      ],
    },
    dependsOn: [securityGroup.key],
  };
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

/** Connects a VM to the network and to its public address. */
export function networkInterface({
  key,
  name,
  location,
  network,
  address,
}: NetworkPart & { readonly network: Resource; readonly address: Resource }): Resource {
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
            subnet: { id: resourceIdExpression(`${VIRTUAL_NETWORK}/subnets`, `${network.name}/${SUBNET}`) },
            publicIPAddress: { id: idOf(address) },
          },
        },
      ],
    },
    dependsOn: [network.key, address.key],
  };
}

function idOf({ type, name }: Resource): Expression {
  return resourceIdExpression(type, name);
}
