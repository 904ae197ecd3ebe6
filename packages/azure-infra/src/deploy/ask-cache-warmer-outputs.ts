import type { ArmResource } from '../arm/arm-resource.ts';
import type { ResourceManager } from '../arm/resource-manager.ts';
import type { CacheWarmerStorageNames } from '../environment/cache-warmer-environment.ts';
import { CACHE_WARMER_KEYS as KEYS } from '../environment/cache-warmer-roles.ts';
import type { ResourceGraph } from '../graph/resource-graph.ts';
import type { CacheWarmerOutputs } from '../outputs.ts';
import type { InfraSettings } from '../settings/infra-settings.ts';
import { readDeployed, textOf } from './read-deployed.ts';

/**
 * Asks Azure for what a provisioned CacheWarmer is reached by.
 *
 * @throws {InfraError} `INFRA_NOT_PROVISIONED` when a part of it does not exist.
 */
export async function askCacheWarmerOutputs(
  manager: ResourceManager,
  graph: ResourceGraph,
  { settings, storageNames }: { readonly settings: InfraSettings; readonly storageNames: CacheWarmerStorageNames },
  signal: AbortSignal,
): Promise<CacheWarmerOutputs> {
  const read = (key: string): Promise<ArmResource> => readDeployed(manager, graph, key, signal);
  const { cacheWarmer, locations, vm } = settings;
  const [account, address, controller, scaleSet, managerIdentity, workersIdentity, filer] = await Promise.all([
    read(KEYS.account),
    read(KEYS.address),
    read(KEYS.controller),
    read(KEYS.scaleSet),
    read(KEYS.manager),
    read(KEYS.workers),
    cacheWarmer.filer ? read(KEYS.filerInterface) : undefined,
  ]);
  return {
    version: 1,
    environment: graph.environment,
    subscriptionId: graph.subscriptionId,
    resourceGroup: graph.group.name,
    location: locations.a,
    queuePrefix: cacheWarmer.prefix,
    storage: {
      account: account.name,
      blobEndpoint: textOf(account, 'primaryEndpoints', 'blob').replace(/\/+$/, ''),
      queueEndpoint: textOf(account, 'primaryEndpoints', 'queue').replace(/\/+$/, ''),
      records: storageNames.records,
    },
    scaleSet: { id: graph.idOf(KEYS.scaleSet), name: scaleSet.name },
    controller: { name: controller.name, adminUser: vm.adminUser, address: textOf(address, 'ipAddress') },
    identities: {
      manager: { id: graph.idOf(KEYS.manager), clientId: textOf(managerIdentity, 'clientId') },
      workers: { id: graph.idOf(KEYS.workers), clientId: textOf(workersIdentity, 'clientId') },
    },
    filer: filer === undefined ? null : { address: textOf(filer, 'ipConfigurations', 0, 'properties', 'privateIPAddress') },
  };
}
