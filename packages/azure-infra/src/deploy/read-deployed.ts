import type { ArmResource, JsonValue } from '../arm/arm-resource.ts';
import type { ResourceManager } from '../arm/resource-manager.ts';
import { InfraError } from '../errors.ts';
import type { ResourceGraph } from '../graph/resource-graph.ts';

/** Reads a resource of the graph as it is. @throws {InfraError} `INFRA_NOT_PROVISIONED` when there is none. */
export async function readDeployed(manager: ResourceManager, graph: ResourceGraph, key: string, signal: AbortSignal): Promise<ArmResource> {
  const { apiVersion, name } = graph.resource(key);
  const found = await manager.resources.get(graph.idOf(key), apiVersion, signal);
  if (found !== undefined) return found;
  throw new InfraError('INFRA_NOT_PROVISIONED', `${name} does not exist in ${graph.group.name}; provision it first`);
}

/** The text at a path of the properties; a number picks an item of a list. @throws {InfraError} `INFRA_NOT_PROVISIONED` when there is none. */
export function textOf(resource: ArmResource, ...path: readonly (string | number)[]): string {
  let value: JsonValue | undefined = resource.properties ?? null;
  for (const step of path) {
    if (typeof value !== 'object' || value === null) break;
    if (typeof step === 'number') value = isList(value) ? value[step] : undefined;
    else value = isList(value) ? undefined : value[step];
  }
  return typeof value === 'string' ? value : untold(resource, path.join('.'));
}

/** @throws {InfraError} `INFRA_NOT_PROVISIONED`, always. */
export function untold({ name }: ArmResource, what: string): never {
  throw new InfraError('INFRA_NOT_PROVISIONED', `Azure does not tell the ${what} of ${name} yet; run the same command again in a minute`);
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
