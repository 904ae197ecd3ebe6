import type { ResourceType } from '../arm/resource-type.ts';
import { ROLE_ASSIGNMENT, ROLE_DEFINITION } from './authorization.ts';
import { DEPLOYMENT } from './deployments.ts';
import { DISK } from './disks.ts';
import { USER_ASSIGNED_IDENTITY } from './managed-identities.ts';
import { NAT_GATEWAY } from './nat-gateways.ts';
import { NETWORK_INTERFACE, PUBLIC_IP_ADDRESS } from './network-interfaces.ts';
import { NETWORK_PEERING } from './network-peerings.ts';
import { NETWORK_SECURITY_GROUP } from './network-security-groups.ts';
import { RESOURCE_GROUP } from './resource-groups.ts';
import { SCALE_SET } from './scale-sets.ts';
import { STORAGE_ACCOUNT } from './storage-accounts.ts';
import { BLOB_SERVICE, CONTAINER, QUEUE, QUEUE_SERVICE } from './storage-services.ts';
import { VIRTUAL_MACHINE } from './virtual-machines.ts';
import { SUBNET, VIRTUAL_NETWORK } from './virtual-networks.ts';

/** Every type of resource that the double knows. A new one is a file beside this and a line here. */
export const RESOURCE_TYPES: readonly ResourceType[] = [
  DEPLOYMENT,
  RESOURCE_GROUP,
  STORAGE_ACCOUNT,
  BLOB_SERVICE,
  CONTAINER,
  QUEUE_SERVICE,
  QUEUE,
  VIRTUAL_NETWORK,
  SUBNET,
  NETWORK_PEERING,
  NETWORK_SECURITY_GROUP,
  PUBLIC_IP_ADDRESS,
  NAT_GATEWAY,
  NETWORK_INTERFACE,
  VIRTUAL_MACHINE,
  SCALE_SET,
  DISK,
  USER_ASSIGNED_IDENTITY,
  ROLE_ASSIGNMENT,
  ROLE_DEFINITION,
];
