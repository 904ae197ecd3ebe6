import { networkInterface, publicIpAddress } from '../graph/network.ts';
import { ResourceGraph } from '../graph/resource-graph.ts';
import { resourceId } from '../graph/resource-id.ts';
import type { Resource } from '../graph/resource.ts';
import { roleDefinition } from '../graph/role-definition.ts';
import { virtualMachineScaleSet } from '../graph/scale-set.ts';
import { blobContainer, storageAccount, storageQueue } from '../graph/storage.ts';
import { userAssignedIdentity } from '../graph/user-assigned-identity.ts';
import { virtualMachine } from '../graph/virtual-machine.ts';
import { cacheWarmerCloudInit, filerScript, managerScript, workerScript, type CacheWarmerSetup } from '../machine/cache-warmer-setup.ts';
import type { InfraSettings } from '../settings/infra-settings.ts';
import { storageAccountName } from '../storage-account-name.ts';
import { CACHE_WARMER_SPACE, cacheWarmerNetwork, FILER_SUBNET, filerNetwork, SUBNETS } from './cache-warmer-network.ts';
import { CACHE_WARMER_KEYS as KEYS, cacheWarmerRights, QUEUE_ROLE, SCALE_ROLE } from './cache-warmer-roles.ts';
import type { DeploymentFacts } from './deployment-facts.ts';

/** Names of what a CacheWarmer keeps in its storage account. */
export interface CacheWarmerStorageNames {
  readonly jobs: string;
  readonly work: string;
  readonly jobPoison: string;
  readonly workPoison: string;
  /** A container of blobs. */
  readonly records: string;
}

/** What a CacheWarmer depends on besides its settings. */
export interface CacheWarmerFacts extends DeploymentFacts {
  readonly storageNames: CacheWarmerStorageNames;
  /** Version of the programs that cloud-init installs from the npm registry. */
  readonly version: string;
}

/** Name of the storage account: as given, else derived. */
export function cacheWarmerAccountName({ cacheWarmer, locations }: InfraSettings, subscriptionId: string): string {
  return cacheWarmer.storageAccount ?? storageAccountName('c', subscriptionId, cacheWarmer.resourceGroup, locations.a);
}

/**
 * A CacheWarmer: queues and records, a controller VM with the manager, and an empty scale set of Spot workers, in region A; on request a
 * filer in region B. Pure: the same settings and facts give the same graph, names included.
 */
export function cacheWarmerEnvironment(settings: InfraSettings, facts: CacheWarmerFacts): ResourceGraph {
  const { cacheWarmer, locations } = settings;
  const { subscriptionId } = facts;
  const { resourceGroup } = cacheWarmer;
  const prefix = cacheWarmer.prefix.replace(/-$/, '');
  const location = locations.a;
  const identities = {
    manager: userAssignedIdentity({ key: KEYS.manager, name: `${prefix}-manager`, location }),
    workers: userAssignedIdentity({ key: KEYS.workers, name: `${prefix}-workers`, location }),
  };
  const idOf = ({ type, name }: Resource): string => resourceId(subscriptionId, resourceGroup, type, name);
  const scaleSetName = `${prefix}-workers`;
  const storage = storageOf(cacheWarmerAccountName(settings, subscriptionId), location, facts.storageNames);
  const setup = (identity: Resource): CacheWarmerSetup => ({
    queuePrefix: cacheWarmer.prefix,
    storageAccount: storage.account.name,
    version: facts.version,
    packages: cacheWarmer.packagesUrl === undefined ? undefined : { url: cacheWarmer.packagesUrl },
    proxies: cacheWarmer.proxies,
    identityId: idOf(identity),
  });
  const access = { image: settings.vm.image, adminUser: settings.vm.adminUser, sshPublicKey: facts.sshPublicKey };
  const networking = { prefix, locations, sshSources: facts.sshSources, natGateway: cacheWarmer.natGateway };
  const main = cacheWarmerNetwork(networking);

  const address = publicIpAddress({ key: KEYS.address, name: `${prefix}-controller-ip`, location });
  const nic = networkInterface({
    key: 'controller-nic',
    name: `${prefix}-controller-nic`,
    location,
    network: main.network,
    subnet: SUBNETS.controller,
    address,
  });
  const controller = virtualMachine({
    ...access,
    key: KEYS.controller,
    name: `${prefix}-controller`,
    location,
    size: cacheWarmer.controllerSize,
    spot: false,
    networkInterface: nic,
    identity: { key: KEYS.manager, id: idOf(identities.manager) },
    customData: cacheWarmerCloudInit(
      managerScript({
        ...setup(identities.manager),
        scaleSet: { subscriptionId, resourceGroup, name: scaleSetName },
        maxWorkers: cacheWarmer.maxWorkers,
        maxInstanceHours: cacheWarmer.maxInstanceHours,
      }),
    ),
  });
  const scaleSet = virtualMachineScaleSet({
    ...access,
    key: KEYS.scaleSet,
    name: scaleSetName,
    location,
    size: cacheWarmer.workerSize,
    spot: true,
    network: main.network,
    subnet: SUBNETS.workers,
    identity: { key: KEYS.workers, id: idOf(identities.workers) },
    customData: cacheWarmerCloudInit(workerScript(setup(identities.workers))),
  });
  const filer = cacheWarmer.filer ? filerOf(settings, access, filerNetwork(networking, main.network)) : [];
  return new ResourceGraph({
    environment: cacheWarmer.environment,
    subscriptionId,
    group: { name: resourceGroup, location, managed: facts.ownsGroup },
    tags: settings.tags,
    resources: [
      identities.manager,
      identities.workers,
      roleDefinition(KEYS.scaleRole, subscriptionId, resourceGroup, SCALE_ROLE),
      roleDefinition(KEYS.queueRole, subscriptionId, resourceGroup, QUEUE_ROLE),
      ...[storage.account, ...storage.parts, ...main.resources, address, nic, controller, scaleSet, ...filer],
    ],
    roleAssignments: cacheWarmerRights(subscriptionId, resourceGroup, facts.caller),
  });
}

function storageOf(name: string, location: string, names: CacheWarmerStorageNames): { account: Resource; parts: Resource[] } {
  const account = storageAccount({ key: KEYS.account, name, location });
  const queues = (['jobs', 'jobPoison', 'work', 'workPoison'] as const).map((queue) =>
    storageQueue({ key: KEYS[queue], account, name: names[queue] }),
  );
  return { account, parts: [...queues, blobContainer({ key: KEYS.records, account, name: names.records })] };
}

function filerOf(
  { cacheWarmer, locations }: InfraSettings,
  access: { readonly image: string; readonly adminUser: string; readonly sshPublicKey: string },
  { network, resources }: { readonly network: Resource; readonly resources: readonly Resource[] },
): Resource[] {
  const prefix = cacheWarmer.prefix.replace(/-$/, '');
  const location = locations.b;
  const nic = networkInterface({ key: KEYS.filerInterface, name: `${prefix}-filer-nic`, location, network, subnet: FILER_SUBNET });
  const machine = virtualMachine({
    ...access,
    key: 'filer',
    name: `${prefix}-filer`,
    location,
    size: cacheWarmer.controllerSize,
    spot: false,
    networkInterface: nic,
    customData: cacheWarmerCloudInit(filerScript({ proxies: cacheWarmer.proxies, clients: [CACHE_WARMER_SPACE] })),
  });
  return [...resources, nic, machine];
}
