import type { JsonObject, JsonValue } from '../arm/arm-resource.ts';
import type { ResourceGraph } from '../graph/resource-graph.ts';
import { relativePath } from '../graph/resource-id.ts';
import { GROUP_SCOPE, type Resource, type RoleAssignment } from '../graph/resource.ts';
import { ROLE_DEFINITION } from '../graph/role-definition.ts';
import { roleDefinitionId } from '../graph/roles.ts';
import { roleAssignmentName } from '../graph/role-assignment.ts';
import { statedValues } from '../graph/stated-values.ts';
import { USER_ASSIGNED_IDENTITY } from '../graph/user-assigned-identity.ts';
import { Expression, isTemplateList, quote, resourceIdExpression, type TemplateValue } from './expression.ts';

const SUBSCRIPTION_SCHEMA = 'https://schema.management.azure.com/schemas/2018-05-01/subscriptionDeploymentTemplate.json#';
const GROUP_SCHEMA = 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#';
const CONTENT_VERSION = '1.0.0.0';

/** Of resource groups. */
export const GROUP_API_VERSION = '2021-04-01';
/** Of role assignments. */
export const ROLE_ASSIGNMENT_API_VERSION = '2022-04-01';
const DEPLOYMENT_API_VERSION = '2022-09-01';
const ROLE_ASSIGNMENTS = 'Microsoft.Authorization/roleAssignments';
const DEPLOYMENTS = 'Microsoft.Resources/deployments';

/** Principal ids of the identities that exist already, by the key of the resource that has them. */
export type KnownIdentities = ReadonlyMap<string, string>;

/**
 * The ARM template of an environment, for a deployment at the scope of the subscription: the group, and in it one nested deployment of
 * everything else. Values are literal, so that what-if can predict them.
 *
 * Rights of an identity that does not exist yet stand in a deployment of their own, which takes the principal as a parameter: a name
 * cannot be computed from `reference()`, a parameter can. Once `identities` has the principal they are literal like all others.
 *
 * @param kept keys of resources that exist and are left out, so that the deployment does not touch them
 */
export function renderTemplate(graph: ResourceGraph, identities: KnownIdentities, kept: ReadonlySet<string> = new Set()): JsonObject {
  const { group } = graph;
  const groupResource: JsonObject = {
    type: 'Microsoft.Resources/resourceGroups',
    apiVersion: GROUP_API_VERSION,
    name: group.name,
    location: group.location,
    tags: graph.tags,
    properties: {},
  };
  const groupId = new Expression(`subscriptionResourceId('Microsoft.Resources/resourceGroups', ${quote(group.name)})`);
  const nested: JsonObject = {
    type: DEPLOYMENTS,
    apiVersion: DEPLOYMENT_API_VERSION,
    name: nestedName(graph, 'resources'),
    resourceGroup: group.name,
    properties: { mode: 'Incremental', expressionEvaluationOptions: { scope: 'inner' }, template: renderGroup(graph, identities, kept) },
  };
  return {
    $schema: SUBSCRIPTION_SCHEMA,
    contentVersion: CONTENT_VERSION,
    resources: group.managed ? [groupResource, { ...nested, dependsOn: [bracket(groupId)] }] : [nested],
  };
}

function renderGroup(graph: ResourceGraph, identities: KnownIdentities, kept: ReadonlySet<string>): JsonObject {
  const known: RoleAssignment[] = [];
  const unknown = new Map<string, RoleAssignment[]>();
  for (const assignment of graph.roleAssignments) {
    const { principal } = assignment;
    if ('identityOf' in principal && !identities.has(principal.identityOf)) {
      unknown.set(principal.identityOf, [...(unknown.get(principal.identityOf) ?? []), assignment]);
    } else {
      known.push(assignment);
    }
  }
  return {
    $schema: GROUP_SCHEMA,
    contentVersion: CONTENT_VERSION,
    resources: [
      ...graph.resources.filter(({ key }) => !kept.has(key)).map((resource) => renderResource(graph, resource, kept)),
      ...known.map((assignment) => renderKnown(graph, assignment, identities)),
      ...[...unknown].map(([key, assignments]) => renderUnknown(graph, graph.resource(key), assignments)),
    ],
  };
}

/** Azure's limit of a deployment's name. */
const LONGEST_NAME = 64;

function nestedName({ environment }: ResourceGraph, what: string): string {
  return `${`warpforge-${environment}`.slice(0, LONGEST_NAME - what.length - 1)}-${what}`;
}

function renderResource(graph: ResourceGraph, resource: Resource, kept: ReadonlySet<string>): JsonObject {
  const { type, apiVersion, name } = resource;
  const dependsOn = resource.dependsOn.filter((key) => !kept.has(key));
  return {
    type,
    apiVersion,
    name: escape(name),
    ...(dependsOn.length === 0 ? {} : { dependsOn: dependsOn.map((key) => reference(graph, key)) }),
    ...renderStated(resource),
  };
}

/** What a template says of a resource, in the template's own form. */
export function renderStated(resource: Resource): JsonObject {
  return Object.fromEntries(Object.entries(statedValues(resource)).map(([part, value]) => [part, render(value)]));
}

function renderKnown(graph: ResourceGraph, assignment: RoleAssignment, identities: KnownIdentities): JsonObject {
  const { principal } = assignment;
  const objectId = 'identityOf' in principal ? (identities.get(principal.identityOf) ?? '') : principal.objectId;
  return {
    ...roleAssignmentHead(graph, assignment),
    name: roleAssignmentName(graph, assignment, objectId),
    dependsOn: needed(graph, assignment).map((key) => reference(graph, key)),
    properties: {
      roleDefinitionId: roleDefinitionId(graph.subscriptionId, assignment.role),
      principalId: objectId,
      principalType: 'identityOf' in principal ? 'ServicePrincipal' : principal.type,
    },
  };
}

function renderUnknown(graph: ResourceGraph, owner: Resource, assignments: readonly RoleAssignment[]): JsonObject {
  const id = resourceIdExpression(owner.type, owner.name).text;
  const identity =
    owner.type === USER_ASSIGNED_IDENTITY
      ? `reference(${id}, ${quote(owner.apiVersion)}).principalId`
      : `reference(${id}, ${quote(owner.apiVersion)}, 'Full').identity.principalId`;
  const dependencies = new Set([owner.key, ...assignments.flatMap((assignment) => needed(graph, assignment))]);
  return {
    type: DEPLOYMENTS,
    apiVersion: DEPLOYMENT_API_VERSION,
    name: nestedName(graph, `rights-of-${owner.key}`),
    dependsOn: [...dependencies].map((key) => reference(graph, key)),
    properties: {
      mode: 'Incremental',
      expressionEvaluationOptions: { scope: 'inner' },
      parameters: { principalId: { value: bracket(new Expression(identity)) } },
      template: {
        $schema: GROUP_SCHEMA,
        contentVersion: CONTENT_VERSION,
        parameters: { principalId: { type: 'string' } },
        resources: assignments.map((assignment) => {
          const definition = roleDefinitionId(graph.subscriptionId, assignment.role);
          const parts = [quote(graph.idOf(assignment.scope)), "parameters('principalId')", quote(definition)];
          return {
            ...roleAssignmentHead(graph, assignment),
            name: bracket(new Expression(`guid(${parts.join(', ')})`)),
            properties: { roleDefinitionId: definition, principalId: "[parameters('principalId')]", principalType: 'ServicePrincipal' },
          };
        }),
      },
    },
  };
}

function roleAssignmentHead(graph: ResourceGraph, { scope }: RoleAssignment): { type: string; apiVersion: string; scope?: string } {
  const head = { type: ROLE_ASSIGNMENTS, apiVersion: ROLE_ASSIGNMENT_API_VERSION };
  // Without a scope it is for what the deployment is for, which is the group.
  if (scope === GROUP_SCOPE) return head;
  const { type, name } = graph.resource(scope);
  return { ...head, scope: relativePath(type, name) };
}

/** What must be there before a right: what it is for, and its role where the graph defines that. */
function needed(graph: ResourceGraph, { scope, role }: RoleAssignment): string[] {
  const definition = graph.resources.find(({ type, name }) => type === ROLE_DEFINITION && name === role.guid);
  return [...(scope === GROUP_SCOPE ? [] : [scope]), ...(definition === undefined ? [] : [definition.key])];
}

function reference(graph: ResourceGraph, key: string): string {
  const { type, name } = graph.resource(key);
  return bracket(resourceIdExpression(type, name));
}

function render(value: TemplateValue): JsonValue {
  if (value instanceof Expression) return bracket(value);
  if (typeof value === 'string') return escape(value);
  if (typeof value !== 'object' || value === null) return value;
  if (isTemplateList(value)) return value.map(render);
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, render(inner)]));
}

function bracket({ text }: Expression): string {
  return `[${text}]`;
}

/** A literal that looks like an expression gets a second bracket, which the service takes off. */
function escape(text: string): string {
  return text.startsWith('[') ? `[${text}` : text;
}
