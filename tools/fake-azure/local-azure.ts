import { makeCertificate, startFakeAzure, type FakeAzure } from '@warpforge/azure-infra/testing';
import { startAzurite } from '@warpforge/blob-backend/testing';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** How to start {@link startLocalAzure}. */
export interface LocalAzureOptions {
  /** Folder for the files that people and programs read, made if missing and left in place. Default: a temporary one, removed at the end. */
  readonly directory?: string;
  /** TCP port of Resource Manager; blobs are at the next one. Default: free ones. */
  readonly port?: number;
  /** `PATH` of whoever uses it. */
  readonly path: string;
}

/**
 * Half a minute passes with every look at something that takes time, so that a deployment is followed for a few seconds and not a minute; a
 * role has an effect after one refusal, so that the wait for it is seen.
 */
const LIKENESS = { pollSeconds: 30, rolePropagationSeconds: 30 };

/** Starts the doubles of Azure's services on this machine, with Azurite for the blobs. All state is in memory. */
export async function startLocalAzure({ directory, ...options }: LocalAzureOptions): Promise<FakeAzure> {
  await using stack = new AsyncDisposableStack();
  const folder = directory === undefined ? await mkdtemp(join(tmpdir(), 'warpforge-fake-azure-')) : resolve(directory);
  if (directory === undefined) stack.defer(() => rm(folder, { recursive: true, force: true }));
  else await mkdir(folder, { recursive: true });
  const certificate = stack.use(await makeCertificate());
  const azurite = stack.use(await startAzurite({ accounts: [{ name: 'upstream' }], tls: certificate }));
  const [account] = azurite.accounts;
  const upstream = { url: account?.blobEndpoint ?? '', certificate: certificate.cert };
  const azure = stack.use(await startFakeAzure({ ...options, upstream, directory: folder, resourceManager: LIKENESS }));
  const owned = stack.move();
  return { ...azure, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
