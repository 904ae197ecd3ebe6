import type { CacheWarmerStorage } from '@warpforge/cache-warmer';
import { Option, type Command } from 'commander';
import { CommandError } from '../failure.ts';

/** The queues of the original are named by it, and so are ours when nothing else is said. */
export const DEFAULT_QUEUE_PREFIX = 'cw';

/** Name of the variable that Azure's own tools take a connection string from. */
export const CONNECTION_STRING_VARIABLE = 'AZURE_STORAGE_CONNECTION_STRING';

/** Where the queues and records are. */
export interface StorageOptions {
  readonly queuePrefix: string;
  readonly storageAccount?: string;
  readonly blobEndpoint?: string;
  readonly queueEndpoint?: string;
}

/** Adds `--queue-prefix`, `--storage-account` and the endpoints. */
export function addStorageOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--queue-prefix <prefix>', 'what the names of the queues and of the container begin with')
        .env('CACHEWARMER_QUEUE_PREFIX')
        .default(DEFAULT_QUEUE_PREFIX),
    )
    .addOption(
      new Option(
        '--storage-account <name>',
        `storage account, with the signed-in identity (unless ${CONNECTION_STRING_VARIABLE} is set)`,
      ).env('AZURE_STORAGE_ACCOUNT'),
    )
    .addOption(new Option('--blob-endpoint <url>', 'of the account (default: that of public Azure)').env('AZURE_STORAGE_BLOB_ENDPOINT'))
    .addOption(new Option('--queue-endpoint <url>', 'of the account (default: that of public Azure)').env('AZURE_STORAGE_QUEUE_ENDPOINT'));
}

/**
 * Opens the queues and records that the options name. With a connection string they are made where they are missing; in an account
 * that `cachewarmer provision` has made they are there, and the roles do not allow to make more.
 */
export async function openCacheWarmerStorage(options: StorageOptions, signal: AbortSignal): Promise<CacheWarmerStorage> {
  const { openStorage } = await import('@warpforge/cache-warmer');
  const { queuePrefix: prefix, storageAccount: account, blobEndpoint, queueEndpoint } = options;
  const connectionString = process.env[CONNECTION_STRING_VARIABLE];
  if (connectionString !== undefined && connectionString !== '') {
    const storage = await openStorage({ prefix, connectionString });
    await storage.create(signal);
    return storage;
  }
  if (account === undefined || account === '') {
    throw new CommandError(
      'USAGE',
      `no storage account is given: name one with --storage-account, or set ${CONNECTION_STRING_VARIABLE} (for Azurite, its own)`,
    );
  }
  const { openCredential } = await import('@warpforge/azure-infra');
  return openStorage({
    prefix,
    account,
    credential: await openCredential(),
    ...(blobEndpoint === undefined ? {} : { blobEndpoint }),
    ...(queueEndpoint === undefined ? {} : { queueEndpoint }),
  });
}
