import { ASSIGNMENT_TYPE, DEFINITION_TYPE, roleGuid } from '../arm/access-control.ts';
import { ArmError } from '../arm/arm-error.ts';
import { BUILT_IN_ROLES } from '../arm/built-in-roles.ts';
import type { ArmContext } from '../arm/context.ts';
import { at, listAt, objectAt, stringAt, type JsonObject } from '../arm/json.ts';
import { isWithin } from '../arm/resource-id.ts';
import type { DesiredResource, ResourceType } from '../arm/resource-type.ts';
import { oneOf, text } from './body.ts';

const GUID = { pattern: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i };

const IMMEDIATE = {
  tracked: false,
  put: { polling: 'none', createSeconds: 0, updateSeconds: 0 },
  delete: { polling: 'none', seconds: 0, reply: 'resource' },
} as const;

/** Role assignments, at any scope. */
export const ROLE_ASSIGNMENT: ResourceType = {
  ...IMMEDIATE,
  type: ASSIGNMENT_TYPE,
  apiVersions: ['2015-07-01', '2018-09-01-preview', '2020-04-01-preview', '2020-08-01-preview', '2020-10-01-preview', '2022-04-01'],
  naming: { ...GUID, rule: 'the role assignment ID must be a GUID.', code: 'InvalidRoleAssignmentId' },
  check: ({ body }) => {
    oneOf(body, 'properties.principalType', ['User', 'Group', 'ServicePrincipal', 'ForeignGroup', 'Device']);
    text(body, 'properties.roleDefinitionId');
  },
  build: buildAssignment,
  whatIfIgnores: [
    'scope',
    'condition',
    'conditionVersion',
    'createdOn',
    'updatedOn',
    'createdBy',
    'updatedBy',
    'principalType',
    'description',
    'delegatedManagedIdentityResourceId',
  ].map((name) => `properties.${name}`),
};

function buildAssignment({ id, body, current, caller }: DesiredResource, context: ArmContext): JsonObject {
  const principalId = text(body, 'properties.principalId');
  const role = roleGuid(text(body, 'properties.roleDefinitionId'));
  if (!GUID.pattern.test(principalId)) {
    throw new ArmError(400, 'InvalidPrincipalId', `A valid principal ID must be provided for role assignment; '${principalId}' is none.`);
  }
  demandRole(role, id.scope, context);
  const assignments = context.store.ofType(ASSIGNMENT_TYPE);
  const identity = (assignment: { readonly body: JsonObject }): string =>
    `${stringAt(assignment.body, 'properties.principalId') ?? ''} ${roleGuid(stringAt(assignment.body, 'properties.roleDefinitionId') ?? '')}`.toLowerCase();
  const wanted = `${principalId} ${role}`.toLowerCase();
  const namesake = assignments.find((assignment) => assignment.id.name.toLowerCase() === id.name.toLowerCase());
  if (namesake !== undefined && (namesake.id.key !== id.key || identity(namesake) !== wanted)) {
    throw new ArmError(
      400,
      'RoleAssignmentUpdateNotPermitted',
      'Tenant ID, application ID, principal ID, and scope are not allowed to be updated.',
    );
  }
  const same = assignments.find(
    (assignment) =>
      assignment.id.key !== id.key && assignment.id.scope.toLowerCase() === id.scope.toLowerCase() && identity(assignment) === wanted,
  );
  if (same !== undefined) {
    throw new ArmError(
      409,
      'RoleAssignmentExists',
      `The role assignment already exists. The ID of the existing role assignment is ${same.id.name.replaceAll('-', '')}.`,
    );
  }
  const now = context.clock.timestamp();
  return {
    properties: {
      roleDefinitionId: `/subscriptions/${context.subscriptionId}/providers/${DEFINITION_TYPE}/${role}`,
      principalId,
      principalType: principalType(principalId, stringAt(body, 'properties.principalType'), context),
      scope: id.scope === '' ? '/' : id.scope,
      condition: at(body, 'properties.condition') ?? null,
      conditionVersion: at(body, 'properties.conditionVersion') ?? null,
      description: at(body, 'properties.description') ?? null,
      delegatedManagedIdentityResourceId: null,
      createdOn: at(current?.body, 'properties.createdOn') ?? now,
      updatedOn: at(current?.body, 'properties.updatedOn') ?? now,
      createdBy: at(current?.body, 'properties.createdBy') ?? caller,
      updatedBy: at(current?.body, 'properties.updatedBy') ?? caller,
    },
  };
}

/** With a type the service believes that the principal exists; without one it looks it up. */
function principalType(principalId: string, given: string | undefined, { directory, tenantId }: ArmContext): string {
  const found = directory.lookUp(principalId);
  if (found === undefined) {
    if (given !== undefined) return given;
    throw new ArmError(
      400,
      'PrincipalNotFound',
      `Principal ${principalId.replaceAll('-', '')} does not exist in the directory ${tenantId}. Check that you have the correct principal ID. ` +
        'If you are creating this principal and then immediately assigning a role, this error might be related to a replication delay. ' +
        'In this case, set the role assignment principalType property to a value, such as ServicePrincipal, User, or Group. See https://aka.ms/docs-principaltype',
    );
  }
  if (given !== undefined && given !== found.type) {
    throw new ArmError(
      400,
      'UnmatchedPrincipalType',
      `The PrincipalId '${principalId.replaceAll('-', '')}' has type '${found.type}' , which is different from specified PrinciaplType '${given}'.`,
    );
  }
  return found.type;
}

/** A role of one's own is there only in the scopes in which it can be assigned. */
function demandRole(role: string, scope: string, { store }: ArmContext): void {
  const custom = store.ofType(DEFINITION_TYPE).find(({ id }) => id.name.toLowerCase() === role);
  if (BUILT_IN_ROLES.some(({ id }) => id === role) || (custom !== undefined && isAssignable(custom.body, scope))) return;
  throw new ArmError(
    400,
    'RoleDefinitionDoesNotExist',
    `The specified role definition with ID '${role.replaceAll('-', '')}' does not exist.`,
  );
}

/** Roles of one's own. */
export const ROLE_DEFINITION: ResourceType = {
  ...IMMEDIATE,
  type: DEFINITION_TYPE,
  put: { ...IMMEDIATE.put, status: 201 },
  apiVersions: ['2015-07-01', '2018-01-01-preview', '2022-04-01', '2022-05-01-preview'],
  naming: { ...GUID, rule: 'the role definition ID must be a GUID.', code: 'InvalidRoleDefinitionId' },
  build: ({ id, body }, { store }) => {
    const roleName = text(body, 'properties.roleName');
    const namesake = store
      .ofType(DEFINITION_TYPE)
      .find((other) => other.id.key !== id.key && stringAt(other.body, 'properties.roleName') === roleName);
    if (namesake !== undefined || BUILT_IN_ROLES.some(({ name }) => name === roleName)) {
      throw new ArmError(
        409,
        'RoleDefinitionWithSameNameExists',
        `A custom role with the name '${roleName}' already exists in this directory.`,
      );
    }
    const scopes = listAt(body, 'properties.assignableScopes');
    if (scopes.length === 0 || !scopes.every((scope) => typeof scope === 'string')) {
      throw new ArmError(400, 'MissingAssignableScopes', 'The role definition has no assignable scopes.');
    }
    return { properties: { description: '', ...objectAt(body, 'properties'), type: 'CustomRole', assignableScopes: scopes } };
  },
  remove: ({ id }, { store }) => {
    const used = store
      .ofType(ASSIGNMENT_TYPE)
      .some(({ body }) => roleGuid(stringAt(body, 'properties.roleDefinitionId') ?? '') === id.name.toLowerCase());
    if (used) throw new ArmError(400, 'RoleDefinitionHasAssignments', 'There are existing role assignments referencing role.');
  },
  whatIfIgnores: ['properties.type', 'properties.description'],
};

function isAssignable(role: JsonObject, scope: string): boolean {
  return listAt(role, 'properties.assignableScopes').some((assignable) => typeof assignable === 'string' && isWithin(scope, assignable));
}

/** The built-in and custom roles that can be assigned at a scope, as a list shows them. */
export function roleDefinitionsAt(scope: string, context: ArmContext): readonly JsonObject[] {
  const prefix = `/subscriptions/${context.subscriptionId}/providers/${DEFINITION_TYPE}`;
  const builtIn = BUILT_IN_ROLES.map(({ id, name, permission }): JsonObject => ({
    id: `${prefix}/${id}`,
    name: id,
    type: DEFINITION_TYPE,
    put: { ...IMMEDIATE.put, status: 201 },
    properties: { roleName: name, type: 'BuiltInRole', description: name, assignableScopes: ['/'], permissions: [{ ...permission }] },
  }));
  const custom = context.store
    .ofType(DEFINITION_TYPE)
    .filter(({ body }) => isAssignable(body, scope))
    .map(({ id, body }): JsonObject => ({ id: id.id, name: id.name, type: id.type, ...body }));
  return [...builtIn, ...custom];
}
