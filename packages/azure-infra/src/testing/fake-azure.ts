import { randomBytes } from 'node:crypto';
import { dirname, join } from 'node:path';
import { stringAt } from './arm/json.ts';
import type { ResourceEvent } from './arm/store.ts';
import { VirtualClock } from './arm/virtual-clock.ts';
import { writeAzureCliStub } from './azure-cli-stub.ts';
import { BlobGate, type BlobGateOptions } from './blob-gate.ts';
import { makeCertificate } from './certificate.ts';
import { writeEnvironmentFile, writeExports } from './environment-file.ts';
import { DEFAULT_PRINCIPAL, FakeResourceManager, type FakeResourceManagerOptions } from './fake-resource-manager.ts';
import { handlersByPrefix, listenerOf, startHttpsServer } from './https-server.ts';
import { identityEndpoint, type ManagedIdentity } from './identity-endpoint.ts';
import { machineIdentityEndpoints, machineIdentityVariables, MACHINES_PREFIX } from './machine-identities.ts';
import { QueueGate } from './queue-gate.ts';
import { retailPricesEndpoint } from './retail-prices-endpoint.ts';
import type { StorageUpstreamOptions } from './storage-upstream.ts';

/** What stands behind and around the doubles. */
export interface FakeAzureOptions {
  /** Keeps the blobs. */
  readonly upstream: StorageUpstreamOptions;
  /** Keeps the queues. Default: no account has any that could be reached. */
  readonly queueUpstream?: StorageUpstreamOptions;
  /** Folder for the stub of the Azure CLI and the files with variables, made if missing and left in place. */
  readonly directory: string;
  /** `PATH` of whoever uses it. */
  readonly path: string;
  /** TCP port of Resource Manager; blobs are at the next one, queues at the one after it. Default: free ones. */
  readonly port?: number;
  /**
   * What Resource Manager is like, where not as {@link FakeResourceManagerOptions} has it by default. Its clock begins now unless one is
   * given, since programs compare its times with their own.
   */
  readonly resourceManager?: Omit<
    FakeResourceManagerOptions,
    'subscriptionId' | 'tenantId' | 'blobEndpoint' | 'queueEndpoint' | 'publicIpAddress'
  >;
  /** Told of each answer to a request for blobs. */
  readonly onBlobAnswer?: BlobGateOptions['onAnswer'];
}

/** The doubles of Azure's services, running. Disposing stops them. */
export interface FakeAzure extends AsyncDisposable {
  /** Variables for a person who is signed in by the Azure CLI as {@link DEFAULT_PRINCIPAL}, `PATH` among them. */
  readonly environment: Readonly<Record<string, string>>;
  /** Variables for a process on the VM with a system-assigned identity, which it has. */
  readonly vmEnvironment: Readonly<Record<string, string>>;
  /** Variables for a process on any machine (its resource id), which has all identities of the machine and finds Resource Manager. */
  machineEnvironment(machineId: string): Readonly<Record<string, string>>;
  /** The variables of the user as a script for a shell to read: `. FILE`. */
  readonly environmentFile: string;
  /** {@link vmEnvironment} as lines `NAME='value'`, for a shell as well as for systemd's `EnvironmentFile=`. */
  readonly vmEnvironmentFile: string;
  /** What clients have to trust, PEM. */
  readonly certificate: string;
  readonly resourceManager: FakeResourceManager;
  readonly blobGate: BlobGate;
  /** Absent where nothing keeps queues. */
  readonly queueGate?: QueueGate;
}

const SUBSCRIPTION_ID = '5b5b5b5b-0000-4000-a000-00000000000b';
const TENANT_ID = '7e7e7e7e-0000-4000-a000-00000000000e';
/** Where the signed-in person seems to be: an address that is public and nobody's. */
const USER_ADDRESS = '203.0.113.7';
/** The VM is this machine. */
const VM_ADDRESS = '127.0.0.1';

const ACCOUNTS = 'Microsoft.Storage/storageAccounts';
const CONTAINERS = `${ACCOUNTS}/blobServices/containers`;
const QUEUES = `${ACCOUNTS}/queueServices/queues`;
const MACHINES = 'Microsoft.Compute/virtualMachines';

/**
 * Starts Resource Manager, the price list, the identity of the VM and the blobs of all storage accounts on 127.0.0.1, as one: what is
 * deployed is there, and who may read is who has the role.
 */
export async function startFakeAzure(options: FakeAzureOptions): Promise<FakeAzure> {
  const { upstream, directory, path, port } = options;
  const opened: AsyncDisposable[] = [];
  const close = async (): Promise<void> => {
    for (const part of opened.splice(0).reverse()) await part[Symbol.asyncDispose]();
  };
  try {
    const certificate = await makeCertificate();
    opened.push(certificate);
    const blobGate = new BlobGate({
      upstream,
      tenantId: TENANT_ID,
      controlPlane: {
        storageAccountId: (name) => storageAccountId(resourceManager, name),
        hasDataAction: (...question) => resourceManager.hasDataAction(...question),
      },
      ...(options.onBlobAnswer === undefined ? {} : { onAnswer: options.onBlobAnswer }),
    });
    opened.push(blobGate);
    const blobs = await startHttpsServer({ certificate, listener: blobGate.listener, ...(port === undefined ? {} : { port: port + 1 }) });
    opened.push(blobs);
    const queueGate =
      options.queueUpstream === undefined
        ? undefined
        : new QueueGate({
            upstream: options.queueUpstream,
            tenantId: TENANT_ID,
            controlPlane: {
              storageAccountId: (name) => storageAccountId(resourceManager, name),
              hasQueueRights: (...question) => resourceManager.hasQueueRights(...question),
            },
          });
    if (queueGate !== undefined) opened.push(queueGate);
    const queues =
      queueGate === undefined
        ? undefined
        : await startHttpsServer({ certificate, listener: queueGate.listener, ...(port === undefined ? {} : { port: port + 2 }) });
    if (queues !== undefined) opened.push(queues);
    const resourceManager: FakeResourceManager = new FakeResourceManager({
      clock: new VirtualClock(Date.now()),
      ...options.resourceManager,
      subscriptionId: SUBSCRIPTION_ID,
      tenantId: TENANT_ID,
      blobEndpoint: (account) => `${blobs.url}/${account}/`,
      ...(queues === undefined ? {} : { queueEndpoint: (account) => `${queues.url}/${account}/` }),
      publicIpAddress: () => VM_ADDRESS,
    });
    resourceManager.subscribe((event) => follow(event, CONTAINERS, blobGate));
    if (queueGate !== undefined) resourceManager.subscribe((event) => follow(event, QUEUES, queueGate));
    const header = randomBytes(16).toString('hex');
    const handler = handlersByPrefix({
      '/': resourceManager.handle,
      '/api/retail/prices': retailPricesEndpoint(),
      [MACHINES_PREFIX]: machineIdentityEndpoints({ tenantId: TENANT_ID, manager: resourceManager, secret: header }),
      '/msi/token': identityEndpoint({ tenantId: TENANT_ID, header, identity: () => vmIdentity(resourceManager) }),
    });
    const services = await startHttpsServer({ certificate, listener: listenerOf(handler), ...(port === undefined ? {} : { port }) });
    opened.push(services);

    const user = { objectId: DEFAULT_PRINCIPAL.objectId, name: DEFAULT_PRINCIPAL.name ?? '', address: USER_ADDRESS };
    const az = await writeAzureCliStub({
      directory: join(directory, 'bin'),
      tenantId: TENANT_ID,
      subscriptionId: SUBSCRIPTION_ID,
      user,
      resourceManagerEndpoint: services.url,
    });
    const trust = { NODE_EXTRA_CA_CERTS: certificate.certificateFile };
    const variables = {
      ...trust,
      AZURE_RESOURCE_MANAGER_ENDPOINT: services.url,
      AZURE_RETAIL_PRICES_ENDPOINT: `${services.url}/api/retail/prices`,
      AZURE_SUBSCRIPTION_ID: SUBSCRIPTION_ID,
      AZURE_TOKEN_CREDENTIALS: 'AzureCliCredential',
    };
    const vmEnvironment = { ...trust, IDENTITY_ENDPOINT: `${services.url}/msi/token`, IDENTITY_HEADER: header };
    const environmentFile = join(directory, 'environment');
    await writeExports(environmentFile, variables, dirname(az));
    const vmEnvironmentFile = join(directory, 'vm-environment');
    await writeEnvironmentFile(vmEnvironmentFile, vmEnvironment);
    return {
      environment: { ...variables, PATH: `${dirname(az)}:${path}` },
      vmEnvironment,
      machineEnvironment: (machineId) => ({
        ...trust,
        AZURE_RESOURCE_MANAGER_ENDPOINT: services.url,
        ...machineIdentityVariables(services.url, header, machineId),
      }),
      environmentFile,
      vmEnvironmentFile,
      certificate: certificate.cert,
      resourceManager,
      blobGate,
      ...(queueGate === undefined ? {} : { queueGate }),
      [Symbol.asyncDispose]: close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** What Resource Manager makes and deletes comes and goes where the blobs and the messages are. */
function follow(
  { kind, id, type }: ResourceEvent,
  followed: string,
  gate: Pick<BlobGate, 'created' | 'deleted'>,
): Promise<void> | undefined {
  if (type.toLowerCase() !== followed.toLowerCase() || kind === 'updated') return undefined;
  const [, account = '', name = ''] = /\/storageAccounts\/([^/]+)\/[^/]+\/[^/]+\/[^/]+\/([^/]+)$/i.exec(id) ?? [];
  return kind === 'created' ? gate.created(account, name) : gate.deleted(account, name);
}

function storageAccountId(manager: FakeResourceManager, name: string): string | undefined {
  return stringAt(
    manager.resources(ACCOUNTS).find((account) => stringAt(account, 'name') === name),
    'id',
  );
}

/** That of the first VM which has one of its own: an environment for training has one. */
function vmIdentity(manager: FakeResourceManager): ManagedIdentity | undefined {
  const objectId = manager
    .resources(MACHINES)
    .map((machine) => stringAt(machine, 'identity.principalId'))
    .find((id) => id !== undefined);
  return objectId === undefined ? undefined : { objectId };
}
