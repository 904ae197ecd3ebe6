import type { Role } from './resource.ts';

// https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/storage

/** Reads and lists blobs. */
export const STORAGE_BLOB_DATA_READER: Role = { name: 'Storage Blob Data Reader', guid: '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1' };

/** Reads, writes and deletes blobs. */
export const STORAGE_BLOB_DATA_CONTRIBUTOR: Role = {
  name: 'Storage Blob Data Contributor',
  guid: 'ba92f5b4-2d11-453d-a403-e96b0029c9fe',
};

/** Peeks at messages, and reads how many there are; takes none. */
export const STORAGE_QUEUE_DATA_READER: Role = { name: 'Storage Queue Data Reader', guid: '19e7f393-937e-4f77-808e-94535e297925' };

/** Adds messages, and nothing else. */
export const STORAGE_QUEUE_DATA_MESSAGE_SENDER: Role = {
  name: 'Storage Queue Data Message Sender',
  guid: 'c6a89b2d-59bc-44d0-9896-0f6e12d7b80a',
};

/** Id of a role's definition in a subscription. */
export function roleDefinitionId(subscriptionId: string, role: Role): string {
  return `/subscriptions/${subscriptionId}/providers/Microsoft.Authorization/roleDefinitions/${role.guid}`;
}
