import type { TokenCredential } from '@azure/identity';
import { RETRY_OPTIONS } from './azure/service-call.ts';
import { AzureQueue } from './queue/azure-queue.ts';
import type { MessageQueue } from './queue/message-queue.ts';
import { AzureRecords } from './records/azure-records.ts';
import type { RecordStore } from './records/record-store.ts';
import { StorageError } from './storage-error.ts';
import { storageNames } from './storage-names.ts';

/** The queues and records of one CacheWarmer: what its commands, managers and workers share. */
export interface CacheWarmerStorage {
  readonly prefix: string;
  /** Jobs that wait for a manager. */
  readonly jobs: MessageQueue;
  /** Items that wait for a worker. */
  readonly work: MessageQueue;
  /** Messages that were no jobs, with the reason. */
  readonly jobPoison: MessageQueue;
  /** Items that were given up, with the reason. */
  readonly workPoison: MessageQueue;
  readonly records: RecordStore;
  /** Makes what is missing. */
  create(signal: AbortSignal): Promise<void>;
}

/** Where the queues and records are. */
export type StorageLocation = {
  /** What the names of the queues and of the container begin with. */
  readonly prefix: string;
} & (
  | { readonly connectionString: string }
  | {
      /** Name of the storage account. */
      readonly account: string;
      readonly credential: TokenCredential;
      /** Default: that of public Azure, `https://ACCOUNT.blob.core.windows.net`. */
      readonly blobEndpoint?: string;
      /** Default: that of public Azure, `https://ACCOUNT.queue.core.windows.net`. */
      readonly queueEndpoint?: string;
    }
);

const ACCOUNT = /^[a-z0-9]{3,24}$/;

/**
 * Opens the queues and records of a CacheWarmer in a storage account. Sends no request: what is wrong with the account or missing in it
 * shows at the first use. @throws {StorageError}
 */
export async function openStorage(location: StorageLocation): Promise<CacheWarmerStorage> {
  const { prefix } = location;
  const names = storageNames(prefix);
  const { queues, blobs } = await openServices(location);
  const queue = (name: string): MessageQueue => new AzureQueue(queues.getQueueClient(name));
  const parts = {
    jobs: queue(names.jobs),
    work: queue(names.work),
    jobPoison: queue(names.jobPoison),
    workPoison: queue(names.workPoison),
    records: new AzureRecords(blobs.getContainerClient(names.records)),
  };
  return {
    prefix,
    ...parts,
    async create(signal) {
      await Promise.all(Object.values(parts).map((part) => part.create(signal)));
    },
  };
}

async function openServices(location: StorageLocation) {
  // Loaded when they are needed: they take half a second, and most commands need none of them.
  const [{ QueueServiceClient }, { BlobServiceClient }] = await Promise.all([
    import('@azure/storage-queue'),
    import('@azure/storage-blob'),
  ]);
  const options = { retryOptions: RETRY_OPTIONS };
  if ('connectionString' in location) {
    const { connectionString } = location;
    try {
      return {
        queues: QueueServiceClient.fromConnectionString(connectionString, { ...options }),
        blobs: BlobServiceClient.fromConnectionString(connectionString, { ...options }),
      };
    } catch (cause) {
      throw new StorageError(
        'CONNECTION_STRING_INVALID',
        'the connection string is none of a storage account: copy it from "Access keys" of the account, or from what Azurite printed',
        { cause },
      );
    }
  }
  const { account, credential } = location;
  if (!ACCOUNT.test(account)) {
    throw new StorageError(
      'ACCOUNT_INVALID',
      `${JSON.stringify(account)} is no name of a storage account: it must have 3 to 24 lower-case letters and digits`,
    );
  }
  return {
    queues: new QueueServiceClient(location.queueEndpoint ?? `https://${account}.queue.core.windows.net`, credential, options),
    blobs: new BlobServiceClient(location.blobEndpoint ?? `https://${account}.blob.core.windows.net`, credential, options),
  };
}
