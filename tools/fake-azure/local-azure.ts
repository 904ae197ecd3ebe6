import {
  makeCertificate,
  startDeployedVms,
  startFakeAzure,
  whyNoLocalVm,
  type FakeAzure,
  type LocalPrograms,
} from '@warpforge/azure-infra/testing';
import { startAzurite } from '@warpforge/blob-backend/testing';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** How to start {@link startLocalAzure}. */
export interface LocalAzureOptions {
  /** Folder for the files that people and programs read, made if missing and left in place. Default: a temporary one, removed at the end. */
  readonly directory?: string;
  /** TCP port of Resource Manager; blobs are at the next one, queues at the one after it. Default: free ones. */
  readonly port?: number;
  /** `PATH` of whoever uses it. */
  readonly path: string;
  /** Makes the VM that is deployed, too, on which the setup installs these programs. Default: there is none. */
  readonly vmPrograms?: LocalPrograms;
}

/**
 * Half a minute passes with every look at something that takes time, so that a deployment is followed for a few seconds and not a minute; a
 * role has an effect after one refusal, so that the wait for it is seen.
 */
const LIKENESS = { pollSeconds: 30, rolePropagationSeconds: 30 };

/**
 * Starts the doubles of Azure's services on this machine, with Azurite for blobs and queues. All state is in memory.
 *
 * @throws {Error} where a VM is asked for and cannot be made, with what it needs.
 */
export async function startLocalAzure({ directory, vmPrograms, ...options }: LocalAzureOptions): Promise<FakeAzure> {
  const noVm = vmPrograms === undefined ? undefined : whyNoLocalVm();
  if (noVm !== undefined) throw new Error(`there can be no VM on this machine: it ${noVm}`);
  await using stack = new AsyncDisposableStack();
  const folder = directory === undefined ? await mkdtemp(join(tmpdir(), 'warpforge-fake-azure-')) : resolve(directory);
  if (directory === undefined) stack.defer(() => rm(folder, { recursive: true, force: true }));
  else await mkdir(folder, { recursive: true });
  const certificate = stack.use(await makeCertificate());
  const azurite = stack.use(await startAzurite({ accounts: [{ name: 'upstream' }], queues: true, tls: certificate }));
  const [account] = azurite.accounts;
  const upstream = { url: account?.blobEndpoint ?? '', certificate: certificate.cert };
  const queueUpstream = { url: account?.queueEndpoint ?? '', certificate: certificate.cert };
  const azure = stack.use(await startFakeAzure({ ...options, upstream, queueUpstream, directory: folder, resourceManager: LIKENESS }));
  if (vmPrograms !== undefined) stack.use(await startDeployedVms(azure, { programs: vmPrograms, path: options.path }));
  const owned = stack.move();
  return { ...azure, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
