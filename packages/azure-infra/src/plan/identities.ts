import type { ResourceManager } from '../arm/resource-manager.ts';
import type { ResourceGraph } from '../graph/resource-graph.ts';
import type { KnownIdentities } from '../template/render.ts';

/** Principal ids of those identities of the graph that exist. */
export async function findIdentities(manager: ResourceManager, graph: ResourceGraph, signal: AbortSignal): Promise<KnownIdentities> {
  const keys = new Set(graph.roleAssignments.flatMap(({ principal }) => ('identityOf' in principal ? [principal.identityOf] : [])));
  const found = await Promise.all(
    [...keys].map(async (key): Promise<[string, string][]> => {
      const resource = await manager.resources.get(graph.idOf(key), graph.resource(key).apiVersion, signal);
      // An identity that exists by itself has its principal among its properties.
      const principalId = resource?.identity?.principalId ?? resource?.properties?.['principalId'];
      return typeof principalId === 'string' ? [[key, principalId]] : [];
    }),
  );
  return new Map(found.flat());
}
