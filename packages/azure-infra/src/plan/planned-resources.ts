import type { JsonValue } from '../arm/arm-resource.ts';
import type { ResourceGraph } from '../graph/resource-graph.ts';
import type { Resource, RoleAssignment } from '../graph/resource.ts';
import { roleDefinitionId } from '../graph/roles.ts';
import { renderStated, type KnownIdentities } from '../template/render.ts';
import type { Plan } from './plan.ts';
import type { Action, PropertyDifference } from './planned-change.ts';

/** One resource of a plan, with what the template says of it. */
export interface PlannedResource {
  readonly action: Action;
  readonly type: string;
  readonly name: string;
  /** Null where the resource has none. */
  readonly location: string | null;
  /** As in the template; of a role assignment its role, principal (null: known after apply) and scope. */
  readonly properties: JsonValue;
  readonly tags?: Readonly<Record<string, string>>;
  readonly differences: readonly PropertyDifference[];
  readonly note?: string;
}

/** The plan for programs: every resource with its properties and what would happen to it. */
export function plannedResources({ graph, identities, changes }: Plan): PlannedResource[] {
  return changes.map(({ action, key, type, name, location, differences, note }): PlannedResource => {
    const resource = graph.resources.find((one) => one.key === key);
    const right = graph.roleAssignments.find((one) => one.key === key);
    return {
      action,
      type,
      name,
      location: location ?? null,
      properties: right === undefined ? propertiesOf(resource) : rightProperties(graph, right, identities),
      ...(resource?.tags === undefined ? {} : { tags: resource.tags }),
      differences,
      ...(note === undefined ? {} : { note }),
    };
  });
}

function propertiesOf(resource: Resource | undefined): JsonValue {
  return resource === undefined ? {} : (renderStated(resource)['properties'] ?? {});
}

function rightProperties(graph: ResourceGraph, { principal, role, scope }: RoleAssignment, identities: KnownIdentities): JsonValue {
  const principalId = 'identityOf' in principal ? (identities.get(principal.identityOf) ?? null) : principal.objectId;
  return {
    roleDefinitionId: roleDefinitionId(graph.subscriptionId, role),
    principalId,
    principalType: 'identityOf' in principal ? 'ServicePrincipal' : principal.type,
    scope: graph.idOf(scope),
  };
}
