import { readBlobRequest, type BlobRequest } from './blob-request.ts';
import { StorageGate, type GatedService, type StorageGateOptions, type StorageRequest } from './storage-gate.ts';
import type { StorageError } from './storage-error.ts';

/** What the gate asks of the double of Resource Manager. */
export interface StorageControlPlane {
  /** Resource id of the account with this name; undefined when there is none. */
  storageAccountId(name: string): string | undefined;
  /** Whether role assignments at the scope (a resource id) or above it allow the principal this action, at this moment. */
  hasDataAction(objectId: string, scope: string, action: string): boolean;
}

/** How a gate stands. */
export interface BlobGateOptions extends Omit<StorageGateOptions, 'storageAccountId'> {
  readonly controlPlane: StorageControlPlane;
}

const ANONYMOUS: StorageError = {
  status: 409,
  code: 'PublicAccessNotPermitted',
  message: 'Public access is not permitted on this storage account.',
};
/** https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata */
const CONTAINER_NAME = /^(\$root|\$web|\$logs|(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*)$/;

type GatedBlobRequest = StorageRequest & Pick<BlobRequest, 'action'>;

/**
 * A {@link StorageGate} of blobs, at `https://127.0.0.1:PORT/ACCOUNT/CONTAINER/BLOB`. Copies from a URL, access policies, batches and
 * queries answer 501.
 */
export class BlobGate extends StorageGate<GatedBlobRequest> {
  constructor({ controlPlane, ...options }: BlobGateOptions) {
    super({ ...options, storageAccountId: (name) => controlPlane.storageAccountId(name) }, blobService(controlPlane));
  }

  /** Resource Manager has made a container. Its requests from now on wait until it is there. */
  containerCreated(account: string, container: string): Promise<void> {
    return this.created(account, container);
  }

  /** Resource Manager has deleted a container, and with it all its blobs. */
  containerDeleted(account: string, container: string): Promise<void> {
    return this.deleted(account, container);
  }
}

function blobService(controlPlane: StorageControlPlane): GatedService<GatedBlobRequest> {
  return {
    service: 'blob',
    names: CONTAINER_NAME,
    anonymous: ANONYMOUS,
    read(method, target) {
      const { container, ...asked } = readBlobRequest(method, target);
      return { ...asked, name: container, isKnown: asked.action !== undefined };
    },
    allows: ({ name, action = '' }, accountId, objectId) =>
      controlPlane.hasDataAction(objectId, `${accountId}/blobServices/default/containers/${name}`, action),
  };
}
