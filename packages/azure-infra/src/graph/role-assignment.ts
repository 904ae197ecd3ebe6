import { armGuid } from '../template/arm-guid.ts';
import type { ResourceGraph } from './resource-graph.ts';
import type { Role, RoleAssignment } from './resource.ts';
import { roleDefinitionId } from './roles.ts';

/**
 * Name of a role assignment: the template function `guid` of scope, principal and role, so that every run, and Bicep, call it the same.
 * The principal is part of it, since an identity that was made anew would otherwise meet the assignment of the old one.
 */
export function roleAssignmentName(graph: ResourceGraph, { scope, role }: RoleAssignment, principalId: string): string {
  return nameOfRoleAssignment(graph.subscriptionId, graph.idOf(scope), principalId, role);
}

/** As {@link roleAssignmentName}, for a scope that is no longer part of a graph. */
export function nameOfRoleAssignment(subscriptionId: string, scope: string, principalId: string, role: Role): string {
  return armGuid(scope, principalId, roleDefinitionId(subscriptionId, role));
}

/** Id of a role assignment at a scope. */
export function roleAssignmentId(scope: string, name: string): string {
  return `${scope}/providers/Microsoft.Authorization/roleAssignments/${name}`;
}
