import type { StorageControlPlane } from './blob-gate.ts';
import { readQueueRequest, type QueueRequest } from './queue-request.ts';
import { StorageGate, type GatedService, type StorageGateOptions } from './storage-gate.ts';
import type { StorageError } from './storage-error.ts';

/** What the gate asks of the double of Resource Manager. */
export interface QueueControlPlane extends Pick<StorageControlPlane, 'storageAccountId'> {
  /** Whether roles for data allow the principal all actions of one of these lists at the queue (a resource id), at this moment. */
  hasQueueRights(objectId: string, scope: string, rights: readonly (readonly string[])[]): boolean;
}

/** How a gate stands. */
export interface QueueGateOptions extends Omit<StorageGateOptions, 'storageAccountId'> {
  readonly controlPlane: QueueControlPlane;
}

/** Queues can't be public. */
const ANONYMOUS: StorageError = {
  status: 401,
  code: 'NoAuthenticationInformation',
  message: 'Server failed to authenticate the request. Please refer to the information in the www-authenticate header.',
};

/** https://learn.microsoft.com/rest/api/storageservices/naming-queues-and-metadata */
const QUEUE_NAME = /^(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*$/;

/** A {@link StorageGate} of queues, at `https://127.0.0.1:PORT/ACCOUNT/QUEUE/messages`. Access policies answer 501. */
export class QueueGate extends StorageGate<QueueRequest> {
  constructor({ controlPlane, ...options }: QueueGateOptions) {
    super({ ...options, storageAccountId: (name) => controlPlane.storageAccountId(name) }, queueService(controlPlane));
  }
}

function queueService(controlPlane: QueueControlPlane): GatedService<QueueRequest> {
  return {
    service: 'queue',
    names: QUEUE_NAME,
    anonymous: ANONYMOUS,
    read: readQueueRequest,
    allows: ({ name, rights }, accountId, objectId) =>
      controlPlane.hasQueueRights(objectId, `${accountId}/queueServices/default/queues/${name}`, rights),
  };
}
