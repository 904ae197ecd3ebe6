import type { ResourceManager } from '../arm/resource-manager.ts';
import { ResourceGraph } from '../graph/resource-graph.ts';
import type { Resource } from '../graph/resource.ts';

/** The graph with the capacity that its scale sets have now, where that is another program's business: so a deployment asks for what is. */
export async function withCurrentCapacity(manager: ResourceManager, graph: ResourceGraph, signal: AbortSignal): Promise<ResourceGraph> {
  const resources = await Promise.all(
    graph.resources.map(async (resource): Promise<Resource> => {
      if (resource.capacityIsNotOurs === undefined) return resource;
      const existing = await manager.resources.get(graph.idOf(resource.key), resource.apiVersion, signal);
      const capacity = existing?.sku?.capacity;
      return capacity === undefined ? resource : { ...resource, sku: { ...resource.sku, capacity } };
    }),
  );
  const { environment, subscriptionId, group, tags, roleAssignments } = graph;
  return new ResourceGraph({ environment, subscriptionId, group, tags, resources, roleAssignments });
}
