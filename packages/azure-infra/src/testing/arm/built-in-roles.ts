/** What a role permits. Patterns may hold `*`, which stands for any text. */
export interface Permission {
  readonly actions: readonly string[];
  readonly notActions: readonly string[];
  readonly dataActions: readonly string[];
  readonly notDataActions: readonly string[];
}

/** A role of Azure itself. */
export interface BuiltInRole {
  /** Its identifier, the same in every tenant. */
  readonly id: string;
  readonly name: string;
  readonly permission: Permission;
}

const BLOBS = 'Microsoft.Storage/storageAccounts/blobServices/containers';
const QUEUES = 'Microsoft.Storage/storageAccounts/queueServices/queues';
const DELEGATION_KEY = 'Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action';

function role(id: string, name: string, permission: Partial<Permission>): BuiltInRole {
  return { id, name, permission: { actions: [], notActions: [], dataActions: [], notDataActions: [], ...permission } };
}

/** Source: https://learn.microsoft.com/azure/role-based-access-control/built-in-roles; those that a storage and compute environment needs. */
export const BUILT_IN_ROLES: readonly BuiltInRole[] = [
  role('8e3af657-a8ff-443c-a75c-2fe8c4bcb635', 'Owner', { actions: ['*'] }),
  role('b24988ac-6180-42a0-ab88-20f7382dd24c', 'Contributor', {
    actions: ['*'],
    notActions: [
      'Microsoft.Authorization/*/Delete',
      'Microsoft.Authorization/*/Write',
      'Microsoft.Authorization/elevateAccess/Action',
      'Microsoft.Blueprint/blueprintAssignments/write',
      'Microsoft.Blueprint/blueprintAssignments/delete',
      'Microsoft.Compute/galleries/share/action',
      'Microsoft.Purview/consents/write',
      'Microsoft.Purview/consents/delete',
      'Microsoft.Resources/deploymentStacks/manageDenySetting/action',
    ],
  }),
  role('18d7d88d-d35e-4fb5-a5c3-7773c20a72d9', 'User Access Administrator', {
    actions: ['*/read', 'Microsoft.Authorization/*', 'Microsoft.Support/*'],
  }),
  role('f1a07417-d97a-45cb-824c-7a7467783830', 'Managed Identity Operator', {
    actions: [
      'Microsoft.ManagedIdentity/userAssignedIdentities/*/read',
      'Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action',
      'Microsoft.Authorization/*/read',
      'Microsoft.Resources/subscriptions/resourceGroups/read',
      'Microsoft.Resources/deployments/*',
    ],
  }),
  role('acdd72a7-3385-48ef-bd42-f606fba81ae7', 'Reader', { actions: ['*/read'] }),
  role('2a2b9908-6ea1-4ae2-8e65-a410df84e7d1', 'Storage Blob Data Reader', {
    actions: [`${BLOBS}/read`, DELEGATION_KEY],
    dataActions: [`${BLOBS}/blobs/read`],
  }),
  role('ba92f5b4-2d11-453d-a403-e96b0029c9fe', 'Storage Blob Data Contributor', {
    actions: [`${BLOBS}/delete`, `${BLOBS}/read`, `${BLOBS}/write`, DELEGATION_KEY],
    dataActions: ['read', 'write', 'delete', 'move/action', 'add/action'].map((verb) => `${BLOBS}/blobs/${verb}`),
  }),
  role('b7e6dc6d-f1e8-4753-8033-0f276bb0955b', 'Storage Blob Data Owner', {
    actions: [`${BLOBS}/*`, DELEGATION_KEY],
    dataActions: [`${BLOBS}/blobs/*`],
  }),
  role('974c5e8b-45b9-4653-ba55-5f855dd0fb88', 'Storage Queue Data Contributor', {
    actions: [`${QUEUES}/delete`, `${QUEUES}/read`, `${QUEUES}/write`],
    dataActions: ['delete', 'read', 'write', 'process/action'].map((verb) => `${QUEUES}/messages/${verb}`),
  }),
  role('19e7f393-937e-4f77-808e-94535e297925', 'Storage Queue Data Reader', {
    actions: [`${QUEUES}/read`],
    dataActions: [`${QUEUES}/messages/read`],
  }),
  role('8a0f0c08-91a1-4084-bc3d-661d67233fed', 'Storage Queue Data Message Processor', {
    dataActions: [`${QUEUES}/messages/read`, `${QUEUES}/messages/process/action`],
  }),
  role('c6a89b2d-59bc-44d0-9896-0f6e12d7b80a', 'Storage Queue Data Message Sender', {
    dataActions: [`${QUEUES}/messages/add/action`],
  }),
  role('9980e02c-c2be-4d73-94e8-173b1dc7cf3c', 'Virtual Machine Contributor', {
    actions: [
      'Microsoft.Authorization/*/read',
      'Microsoft.Compute/disks/*',
      'Microsoft.Compute/locations/*',
      'Microsoft.Compute/virtualMachines/*',
      'Microsoft.Compute/virtualMachineScaleSets/*',
      'Microsoft.Network/networkInterfaces/*',
      'Microsoft.Network/networkSecurityGroups/read',
      'Microsoft.Network/publicIPAddresses/read',
      'Microsoft.Network/virtualNetworks/read',
      'Microsoft.Network/virtualNetworks/subnets/join/action',
      'Microsoft.Resources/deployments/*',
      'Microsoft.Resources/subscriptions/resourceGroups/read',
    ],
  }),
];

/**
 * Whether one of the patterns covers the action; letter case does not matter. A star between two slashes stands for nothing, too: the role
 * Managed Identity Operator has `userAssignedIdentities/*\/assign/action` for `userAssignedIdentities/assign/action`.
 */
export function covers(patterns: readonly string[], action: string): boolean {
  return patterns.some((pattern) => {
    const expression = pattern
      .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
      .replaceAll('/*/', '/(.*/)?')
      .replaceAll('*', '.*');
    return new RegExp(`^${expression}$`, 'i').test(action);
  });
}
