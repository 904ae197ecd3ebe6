import type { CustomRole } from '../graph/role-definition.ts';
import { customRole } from '../graph/role-definition.ts';
import { GROUP_SCOPE, type Principal, type Role, type RoleAssignment } from '../graph/resource.ts';
import {
  STORAGE_BLOB_DATA_CONTRIBUTOR,
  STORAGE_BLOB_DATA_READER,
  STORAGE_QUEUE_DATA_MESSAGE_SENDER,
  STORAGE_QUEUE_DATA_READER,
} from '../graph/roles.ts';

/** Keys of the resources of a CacheWarmer that others refer to. */
export const CACHE_WARMER_KEYS = {
  manager: 'manager',
  workers: 'workers',
  scaleSet: 'scale-set',
  controller: 'controller',
  address: 'controller-ip',
  filerInterface: 'filer-nic',
  account: 'storage',
  records: 'records',
  jobs: 'job-queue',
  work: 'work-queue',
  jobPoison: 'job-poison-queue',
  workPoison: 'work-poison-queue',
  scaleRole: 'scale-role',
  queueRole: 'queue-role',
} as const;

/**
 * What the manager does with the scale set, and nothing else: it lists instances, changes the capacity and deletes instances by name. A new
 * capacity makes machines, which are resources of their own, of what the scale set refers to: so Azure asks for the right to make them, and
 * to use the subnet and the identity, as well (`LinkedAuthorizationFailed` without it).
 */
export const SCALE_ROLE: CustomRole = {
  title: 'Warpforge CacheWarmer manager',
  description: 'Changes how many instances the scale set of a CacheWarmer has.',
  actions: [
    'Microsoft.Compute/virtualMachineScaleSets/read',
    'Microsoft.Compute/virtualMachineScaleSets/write',
    'Microsoft.Compute/virtualMachineScaleSets/delete/action',
    'Microsoft.Compute/virtualMachines/read',
    'Microsoft.Compute/virtualMachines/write',
    'Microsoft.Network/virtualNetworks/subnets/join/action',
    'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action',
  ],
  dataActions: [],
};

const QUEUE = 'Microsoft.Storage/storageAccounts/queueServices/queues';

/**
 * What is done with a queue of work: messages are sent, taken, renewed and deleted, and counted. Azure's own role for taking messages lacks
 * `write`, which renewing a lease needs (https://learn.microsoft.com/rest/api/storageservices/update-message), and the next larger one
 * may delete the queue itself.
 */
export const QUEUE_ROLE: CustomRole = {
  title: 'Warpforge CacheWarmer queue user',
  description: 'Sends, takes, renews, deletes and counts the messages of a queue.',
  actions: [`${QUEUE}/read`],
  dataActions: [`${QUEUE}/messages/read`, `${QUEUE}/messages/write`, `${QUEUE}/messages/process/action`],
};

/** All roles that a CacheWarmer in this group assigns. */
export function cacheWarmerRoles(subscriptionId: string, resourceGroup: string): Readonly<Record<'scale' | 'queue', Role>> {
  return {
    scale: customRole(subscriptionId, resourceGroup, SCALE_ROLE.title),
    queue: customRole(subscriptionId, resourceGroup, QUEUE_ROLE.title),
  };
}

/** Who may do what: the manager, the workers, and the person who provisions, who submits jobs and reads how they go. */
export function cacheWarmerRights(subscriptionId: string, resourceGroup: string, caller: Principal): RoleAssignment[] {
  const { manager, workers, account, records, jobs, work, jobPoison, workPoison } = CACHE_WARMER_KEYS;
  const { scale, queue } = cacheWarmerRoles(subscriptionId, resourceGroup);
  const right = (key: string, scope: string, role: Role, principal: RoleAssignment['principal']): RoleAssignment => ({
    key,
    scope,
    role,
    principal,
  });
  const ofManager = { identityOf: manager };
  const ofWorkers = { identityOf: workers };
  return [
    right('manager-scales', GROUP_SCOPE, scale, ofManager),
    right('manager-jobs', jobs, queue, ofManager),
    right('manager-job-poison', jobPoison, STORAGE_QUEUE_DATA_MESSAGE_SENDER, ofManager),
    right('manager-work', work, queue, ofManager),
    right('manager-records', records, STORAGE_BLOB_DATA_CONTRIBUTOR, ofManager),
    right('workers-work', work, queue, ofWorkers),
    right('workers-work-poison', workPoison, STORAGE_QUEUE_DATA_MESSAGE_SENDER, ofWorkers),
    right('workers-records', records, STORAGE_BLOB_DATA_CONTRIBUTOR, ofWorkers),
    right('caller-jobs', jobs, STORAGE_QUEUE_DATA_MESSAGE_SENDER, caller),
    right('caller-queues', account, STORAGE_QUEUE_DATA_READER, caller),
    right('caller-records', records, STORAGE_BLOB_DATA_READER, caller),
  ];
}
