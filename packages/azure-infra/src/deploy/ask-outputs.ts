import type { ArmResource } from '../arm/arm-resource.ts';
import type { ResourceManager } from '../arm/resource-manager.ts';
import { KEYS } from '../environment/training-environment.ts';
import type { ResourceGraph } from '../graph/resource-graph.ts';
import type { EnvironmentOutputs, StorageOutputs } from '../outputs.ts';
import type { InfraSettings } from '../settings/infra-settings.ts';
import { readDeployed, textOf, untold } from './read-deployed.ts';

/**
 * Asks Azure for what a provisioned training environment is reached by.
 *
 * @throws {InfraError} `INFRA_NOT_PROVISIONED` when a part of it does not exist.
 */
export async function askOutputs(
  manager: ResourceManager,
  graph: ResourceGraph,
  settings: InfraSettings,
  signal: AbortSignal,
): Promise<EnvironmentOutputs> {
  const read = (key: string): Promise<ArmResource> => readDeployed(manager, graph, key, signal);
  const storage = async (letter: 'a' | 'b'): Promise<StorageOutputs> => {
    const account = await read(KEYS.account[letter]);
    return {
      account: account.name,
      location: settings.locations[letter],
      container: settings.container,
      endpoint: textOf(account, 'primaryEndpoints', 'blob').replace(/\/+$/, ''),
    };
  };
  const [a, b, vm, address] = await Promise.all([storage('a'), storage('b'), read(KEYS.vm), read(KEYS.address)]);
  return {
    version: 1,
    environment: graph.environment,
    subscriptionId: graph.subscriptionId,
    resourceGroup: graph.group.name,
    storage: { a, b },
    vm: {
      name: vm.name,
      size: textOf(vm, 'hardwareProfile', 'vmSize'),
      location: settings.locations.a,
      adminUser: settings.vm.adminUser,
      address: textOf(address, 'ipAddress'),
      principalId: vm.identity?.principalId ?? untold(vm, 'identity'),
    },
  };
}
