import { ContainerConnection, type ConnectionOptions, type StorageCredential } from '../dataset/container-connection.ts';
import type { ContainerTarget } from '../dataset/container-target.ts';
import { failureReason } from '../dataset/failure-reason.ts';
import { storageErrorCode } from '../storage-error.ts';
import { BootstrapError } from './errors.ts';

/** `https://account.blob.core.windows.net/container`, or `http://127.0.0.1:10000/account/container` of an emulator. */
const CONTAINER_URL = /^(https?:\/\/[A-Za-z0-9.:-]+(?:\/[a-z0-9]{3,24})?)\/([a-z0-9$][a-z0-9-]*)\/?$/;

/** Reads the URL of a container. @throws {BootstrapError} `BOOTSTRAP_CONTAINER`. */
export function parseContainerUrl(url: string): ContainerTarget {
  const [, endpoint, container] = CONTAINER_URL.exec(url) ?? [];
  if (endpoint === undefined || container === undefined) {
    throw new BootstrapError(
      'BOOTSTRAP_CONTAINER',
      `${JSON.stringify(url)} is no URL of a container: it must be such as https://account.blob.core.windows.net/packages, without a signature`,
    );
  }
  const { hostname, pathname } = new URL(endpoint);
  return { account: pathname.length > 1 ? pathname.slice(1) : (hostname.split('.')[0] ?? hostname), container, endpoint };
}

/** The account's key of a connection string. @throws {BootstrapError} `BOOTSTRAP_CONTAINER` where it has none. */
export async function connectionStringKey(connectionString: string): Promise<StorageCredential> {
  const { BlobServiceClient, StorageSharedKeyCredential } = await import('@azure/storage-blob');
  const fault = (cause?: unknown): BootstrapError =>
    new BootstrapError(
      'BOOTSTRAP_CONTAINER',
      'the connection string has no key of a storage account: take it from "Access keys" of the account',
      {
        cause,
      },
    );
  let client;
  try {
    client = BlobServiceClient.fromConnectionString(connectionString);
  } catch (cause) {
    throw fault(cause);
  }
  if (client.credential instanceof StorageSharedKeyCredential) return client.credential;
  throw fault();
}

/**
 * Makes a container ready for the tarballs with which machines are installed: makes it where it is missing, and refuses one that has
 * others, since machines install whatever tarballs they find there.
 *
 * @param names of the tarballs.
 * @throws {BootstrapError} `BOOTSTRAP_CONTAINER`.
 */
export async function openPackagesContainer(target: ContainerTarget, names: readonly string[], options: ConnectionOptions): Promise<void> {
  const others = (await listedOrMade(target, options)).filter((name) => /^[^/]+\.tgz$/.test(name) && !names.includes(name));
  if (others.length === 0) return;
  throw new BootstrapError(
    'BOOTSTRAP_CONTAINER',
    `${target.endpoint}/${target.container} has other packages (${others.join(', ')}), and machines would install them too: name another container, or delete those`,
  );
}

async function listedOrMade(target: ContainerTarget, options: ConnectionOptions): Promise<string[]> {
  try {
    const connection = await ContainerConnection.open(target, options);
    try {
      return [...(await connection.list('')).keys()];
    } catch (error) {
      if (storageErrorCode(error) !== 'ContainerNotFound') throw error;
      await connection.create();
      return [];
    }
  } catch (cause) {
    options.signal.throwIfAborted();
    throw new BootstrapError('BOOTSTRAP_CONTAINER', `cannot use ${target.endpoint}/${target.container}: ${failureReason(cause)}`, {
      cause,
    });
  }
}
