import type { ArmResource, JsonValue } from '../arm/arm-resource.ts';
import type { ResourceManager } from '../arm/resource-manager.ts';
import { KEYS } from '../environment/training-environment.ts';
import { InfraError } from '../errors.ts';
import type { ResourceGraph } from '../graph/resource-graph.ts';
import type { EnvironmentOutputs, StorageOutputs } from '../outputs.ts';
import type { InfraSettings } from '../settings/infra-settings.ts';

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
  const read = async (key: string): Promise<ArmResource> => {
    const { apiVersion, name } = graph.resource(key);
    const found = await manager.resources.get(graph.idOf(key), apiVersion, signal);
    if (found === undefined) {
      throw new InfraError('INFRA_NOT_PROVISIONED', `${name} does not exist in ${graph.group.name}; run "warpforge-infra provision"`);
    }
    return found;
  };
  const storage = async (letter: 'a' | 'b'): Promise<StorageOutputs> => {
    const account = await read(KEYS.account[letter]);
    return {
      account: account.name,
      location: settings.locations[letter],
      container: settings.container,
      endpoint: text(account, 'primaryEndpoints', 'blob').replace(/\/+$/, ''),
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
      size: text(vm, 'hardwareProfile', 'vmSize'),
      location: settings.locations.a,
      adminUser: settings.vm.adminUser,
      address: text(address, 'ipAddress'),
      principalId: vm.identity?.principalId ?? missing(vm, 'identity'),
    },
  };
}

function text(resource: ArmResource, ...path: readonly string[]): string {
  let value: JsonValue | undefined = resource.properties ?? null;
  for (const name of path) value = typeof value === 'object' && value !== null && !isList(value) ? value[name] : undefined;
  return typeof value === 'string' ? value : missing(resource, path.join('.'));
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function missing({ name }: ArmResource, path: string): never {
  throw new InfraError(
    'INFRA_NOT_PROVISIONED',
    `Azure does not tell the ${path} of ${name} yet; run "warpforge-infra provision" again in a minute`,
  );
}
