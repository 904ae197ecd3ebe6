import type { Resource } from './resource.ts';

const API_VERSION = '2023-05-01';
/** Type of a storage account. */
export const STORAGE_ACCOUNT = 'Microsoft.Storage/storageAccounts';
/** Type of a container of blobs. */
export const BLOB_CONTAINER = 'Microsoft.Storage/storageAccounts/blobServices/containers';

/** Type of a queue of messages. */
export const STORAGE_QUEUE = 'Microsoft.Storage/storageAccounts/queueServices/queues';

/** What a storage account needs to be told. */
export interface StorageAccountOptions {
  readonly key: string;
  /** 3 to 24 lower-case letters and digits, unique in all of Azure. */
  readonly name: string;
  readonly location: string;
}

/**
 * A general-purpose account in one region. It knows no keys, so that nobody can have one: whoever reads or writes has a role.
 * Nothing in it can be made public, and it takes TLS 1.2 or newer only.
 */
export function storageAccount({ key, name, location }: StorageAccountOptions): Resource {
  return {
    key,
    type: STORAGE_ACCOUNT,
    apiVersion: API_VERSION,
    name,
    location,
    tags: {},
    sku: { name: 'Standard_LRS' },
    kind: 'StorageV2',
    properties: {
      accessTier: 'Hot',
      allowBlobPublicAccess: false,
      allowSharedKeyAccess: false,
      defaultToOAuthAuthentication: true,
      minimumTlsVersion: 'TLS1_2',
      supportsHttpsTrafficOnly: true,
    },
    dependsOn: [],
    createOnly: ['location', 'kind'],
  };
}

/** A container of an account, closed to the public. */
export function blobContainer({ key, account, name }: { key: string; account: Resource; name: string }): Resource {
  return {
    key,
    type: BLOB_CONTAINER,
    apiVersion: API_VERSION,
    name: `${account.name}/default/${name}`,
    properties: { publicAccess: 'None' },
    dependsOn: [account.key],
  };
}

/** A queue of an account. */
export function storageQueue({ key, account, name }: { key: string; account: Resource; name: string }): Resource {
  return {
    key,
    type: STORAGE_QUEUE,
    apiVersion: API_VERSION,
    name: `${account.name}/default/${name}`,
    properties: {},
    dependsOn: [account.key],
  };
}
