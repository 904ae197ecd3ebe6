import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import { AzuriteChild, AzuriteStartError, type AzuriteAddresses } from './azurite-child.ts';

/** How to start Azurite. */
export interface AzuriteOptions {
  /** Storage accounts to serve: names of 3 to 24 lower-case letters and digits. A key is made at random unless given (base64). */
  readonly accounts: readonly { readonly name: string; readonly key?: string }[];
  /** Folder that keeps the data over restarts, made if missing and left in place. Default: data lives in memory, nothing is written. */
  readonly directory?: string;
  /** TCP port of the blobs on 127.0.0.1. Default 0: a free one. */
  readonly port?: number;
  /** Serve queues too. Default false. */
  readonly queues?: boolean;
  /** TCP port of the queues on 127.0.0.1. Default 0: a free one. */
  readonly queuePort?: number;
  /** PEM files for HTTPS. Bearer tokens are accepted too then: any unsigned token made out to `https://storage.azure.com`. */
  readonly tls?: { readonly certificateFile: string; readonly keyFile: string };
  readonly signal?: AbortSignal;
}

/** One account of a running Azurite. */
export interface AzuriteAccount {
  readonly name: string;
  /** Account key, base64. */
  readonly key: string;
  readonly connectionString: string;
  /** Path-style endpoint, `http://127.0.0.1:PORT/NAME`. */
  readonly blobEndpoint: string;
  /** The same for queues; absent when they are not served. */
  readonly queueEndpoint?: string;
}

/** A running Azurite. Disposing stops it and waits for its end. */
export interface Azurite extends AsyncDisposable {
  readonly pid: number;
  /** Of the blobs. */
  readonly port: number;
  /** Absent when queues are not served. */
  readonly queuePort?: number;
  readonly accounts: readonly AzuriteAccount[];
  /** Settles when the server has ended, whoever ended it. */
  readonly closed: Promise<void>;
}

const ACCOUNT_NAME = /^[a-z0-9]{3,24}$/;

/**
 * Starts Azurite's blob server, and its queue server if wanted, as one child process on 127.0.0.1 and waits until it answers. The child
 * ends with this process, however this process ends. The npm package `azurite` must be installed.
 */
export async function startAzurite(options: AzuriteOptions): Promise<Azurite> {
  options.signal?.throwIfAborted();
  const keys = options.accounts.map(({ name, key }) => {
    if (!ACCOUNT_NAME.test(name)) throw new AzuriteStartError(`account name "${name}" must be 3 to 24 lower-case letters and digits`);
    return { name, key: key ?? randomBytes(64).toString('base64') };
  });
  if (keys.length === 0) throw new AzuriteStartError('at least one account is needed');
  assertInstalled();

  const { directory, tls, signal } = options;
  const queuePort = options.queues === true ? (options.queuePort ?? 0) : undefined;
  const child = new AzuriteChild({ keys, directory, tls, blobPort: options.port ?? 0, queuePort });
  try {
    const addresses = await child.listening(signal);
    // Any answer will do: there is no such account, but there is a server. (Nobody trusts its certificate here.)
    if (tls === undefined) await (await fetch(addresses.blob, { signal: signal ?? null })).body?.cancel();
    return {
      pid: child.pid,
      port: portOf(addresses.blob),
      ...(addresses.queue === undefined ? {} : { queuePort: portOf(addresses.queue) }),
      closed: child.closed,
      accounts: keys.map(({ name, key }) => accountAt(addresses, name, key)),
      async [Symbol.asyncDispose]() {
        if (directory !== undefined) await child.save();
        await child.kill();
      },
    };
  } catch (error) {
    await child.kill();
    throw error;
  }
}

function assertInstalled(): void {
  try {
    createRequire(import.meta.url).resolve('azurite/dist/src/blob/main.js');
  } catch (cause) {
    throw new AzuriteStartError('the npm package "azurite" is not installed; run: npm install --save-dev azurite', { cause });
  }
}

function accountAt(addresses: AzuriteAddresses, name: string, key: string): AzuriteAccount {
  const scheme = new URL(addresses.blob).protocol.slice(0, -1);
  const blobEndpoint = `${scheme}://127.0.0.1:${portOf(addresses.blob)}/${name}`;
  const connectionString = `DefaultEndpointsProtocol=${scheme};AccountName=${name};AccountKey=${key};BlobEndpoint=${blobEndpoint};`;
  if (addresses.queue === undefined) return { name, key, blobEndpoint, connectionString };
  const queueEndpoint = `${scheme}://127.0.0.1:${portOf(addresses.queue)}/${name}`;
  return { name, key, blobEndpoint, queueEndpoint, connectionString: `${connectionString}QueueEndpoint=${queueEndpoint};` };
}

function portOf(address: string): number {
  return Number(new URL(address).port);
}
