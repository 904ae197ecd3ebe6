import type { ResourceManager, RoleAssignmentFacts } from '../arm/resource-manager.ts';
import type { ResourceGraph } from '../graph/resource-graph.ts';
import { resourceGroupId } from '../graph/resource-id.ts';
import { nameOfRoleAssignment, roleAssignmentName } from '../graph/role-assignment.ts';
import type { KnownIdentities } from '../template/render.ts';
import { findIdentities } from './identities.ts';
import type { PlannedChange } from './planned-change.ts';
import { rightText } from './right-text.ts';

/**
 * Rights that this environment once gave to an identity which is no longer there: those with the name that this program computes, a role
 * that the graph gives to an identity, and a principal that is not one of it. Rights of people are left alone: who provisioned before
 * may go on working.
 */
export async function leftOverRights(
  manager: ResourceManager,
  graph: ResourceGraph,
  { known, lasting }: { readonly known: KnownIdentities; readonly lasting: KnownIdentities },
  signal: AbortSignal,
): Promise<PlannedChange[]> {
  const wanted = new Set<string>();
  const roles = new Map<string, (typeof graph.roleAssignments)[number]['role']>();
  for (const assignment of graph.roleAssignments) {
    if (!('identityOf' in assignment.principal)) continue;
    roles.set(assignment.role.guid, assignment.role);
    const principalId = lasting.get(assignment.principal.identityOf);
    if (principalId !== undefined) wanted.add(roleAssignmentName(graph, assignment, principalId));
  }
  const scopes = new Map(graph.roleAssignments.map(({ scope }) => [graph.idOf(scope).toLowerCase(), scope]));
  const existing = await manager.resources.roleAssignmentsWithin(resourceGroupId(graph.subscriptionId, graph.group.name), signal);
  const came = await cameMeanwhile(manager, graph, { known, existing }, signal);
  return existing.flatMap(({ id, scope, name, principalId, principalType, roleDefinitionGuid }): PlannedChange[] => {
    const role = roles.get(roleDefinitionGuid);
    const ownScope = scopes.get(scope.toLowerCase());
    if (role === undefined || ownScope === undefined || principalType !== 'ServicePrincipal' || wanted.has(name)) return [];
    if (came.has(principalId)) return [];
    if (name !== nameOfRoleAssignment(graph.subscriptionId, graph.idOf(ownScope), principalId, role)) return [];
    return [
      {
        action: 'delete',
        key: undefined,
        id,
        type: 'Microsoft.Authorization/roleAssignments',
        name: rightText(graph, { role, scope: ownScope }, `service principal ${principalId}`),
        differences: [],
        note: 'an identity that is no longer part of the environment',
      },
    ];
  });
}

/**
 * Identities that have come to exist since they were asked for, as a running deployment makes them: their rights are not left over. Asked
 * after the rights, so that no right can be newer than the answer.
 */
async function cameMeanwhile(
  manager: ResourceManager,
  graph: ResourceGraph,
  { known, existing }: { readonly known: KnownIdentities; readonly existing: readonly RoleAssignmentFacts[] },
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const before = new Set(known.values());
  if (existing.every(({ principalId, principalType }) => principalType !== 'ServicePrincipal' || before.has(principalId))) return new Set();
  const now = await findIdentities(manager, graph, signal);
  return new Set([...now.values()].filter((principalId) => !before.has(principalId)));
}
