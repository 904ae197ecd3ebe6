import type { ResourceGraph } from '../graph/resource-graph.ts';
import { GROUP_SCOPE, type RoleAssignment } from '../graph/resource.ts';

/** A right as a plan calls it, since its own name is a GUID: `Storage Blob Data Reader on account/container for vm`. */
export function rightText(graph: ResourceGraph, { role, scope }: Pick<RoleAssignment, 'role' | 'scope'>, who: string): string {
  const where = scope === GROUP_SCOPE ? graph.group.name : graph.resource(scope).name.replace('/default/', '/');
  return `${role.name} on ${where} for ${who}`;
}
