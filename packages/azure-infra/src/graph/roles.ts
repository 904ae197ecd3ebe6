import type { Role } from './resource.ts';

// https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/storage

/** Reads and lists blobs. */
export const STORAGE_BLOB_DATA_READER: Role = { name: 'Storage Blob Data Reader', guid: '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1' };

/** Reads, writes and deletes blobs. */
export const STORAGE_BLOB_DATA_CONTRIBUTOR: Role = {
  name: 'Storage Blob Data Contributor',
  guid: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe',
};

/** Id of a role's definition in a subscription. */
export function roleDefinitionId(subscriptionId: string, role: Role): string {
  return `/subscriptions/${subscriptionId}/providers/Microsoft.Authorization/roleDefinitions/${role.guid}`;
}
