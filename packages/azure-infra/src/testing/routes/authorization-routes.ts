import { ASSIGNMENT_TYPE, DEFINITION_TYPE, roleGuid, type AccessControl } from '../arm/access-control.ts';
import { ArmError } from '../arm/arm-error.ts';
import type { ArmContext } from '../arm/context.ts';
import { stringAt, type Json } from '../arm/json.ts';
import { parseFilter, wantedFields } from '../arm/odata-filter.ts';
import type { Pager } from '../arm/paging.ts';
import { isWithin } from '../arm/resource-id.ts';
import type { StoredResource } from '../arm/store.ts';
import { ROLE_ASSIGNMENT, ROLE_DEFINITION, roleDefinitionsAt } from '../providers/authorization.ts';
import type { Route } from './route.ts';

/** Lists of role assignments and definitions, and what the caller may do. They stand at any scope. */
export function authorizationRoutes(context: ArmContext, access: AccessControl, page: Pager): readonly Route[] {
  const scopeOf = (params: Readonly<Record<string, string>>): string => `/${params['scope'] ?? ''}`;
  return [
    {
      method: 'GET',
      path: `/{scope+}/providers/${ASSIGNMENT_TYPE}`,
      apiVersions: ROLE_ASSIGNMENT.apiVersions,
      handle: (request) => {
        const scope = scopeOf(request.params);
        access.demand(request.caller, scope, `${ASSIGNMENT_TYPE}/read`);
        const keep = assignmentFilter(request.query.get('$filter'), scope);
        return page(
          context.store
            .ofType(ASSIGNMENT_TYPE)
            .filter(keep)
            .map(({ id, body }): Json => ({ id: id.id, name: id.name, type: ASSIGNMENT_TYPE, ...body })),
          request,
        );
      },
    },
    {
      method: 'GET',
      path: `/{scope+}/providers/${DEFINITION_TYPE}`,
      apiVersions: ROLE_DEFINITION.apiVersions,
      handle: (request) => {
        const scope = scopeOf(request.params);
        access.demand(request.caller, scope, `${DEFINITION_TYPE}/read`);
        const wanted = wantedFields(
          parseFilter(request.query.get('$filter')).filter((term) => term.kind === 'equals'),
          ['roleName', 'type'],
        );
        return page(
          roleDefinitionsAt(scope, context).filter((role) =>
            [...wanted].every(([field, value]) => stringAt(role, `properties.${field === 'rolename' ? 'roleName' : 'type'}`) === value),
          ),
          request,
        );
      },
    },
    {
      method: 'GET',
      path: `/{scope+}/providers/${DEFINITION_TYPE}/{name}`,
      apiVersions: ROLE_DEFINITION.apiVersions,
      handle: ({ params, caller }) => {
        const scope = scopeOf(params);
        access.demand(caller, scope, `${DEFINITION_TYPE}/read`);
        const name = roleGuid(params['name'] ?? '');
        const found = roleDefinitionsAt(scope, context).find((role) => stringAt(role, 'name')?.toLowerCase() === name);
        if (found !== undefined) return { status: 200, body: found };
        throw new ArmError(
          404,
          'RoleDefinitionDoesNotExist',
          `The specified role definition with ID '${name.replaceAll('-', '')}' does not exist.`,
        );
      },
    },
    {
      method: 'GET',
      path: '/{scope+}/providers/Microsoft.Authorization/permissions',
      apiVersions: ['2015-07-01', '2018-01-01-preview', '2018-07-01', '2022-04-01', '2022-05-01-preview'],
      handle: (request) =>
        page(
          access.permissions(request.caller, scopeOf(request.params)).map((permission): Json => ({ ...permission })),
          request,
        ),
    },
  ];
}

/**
 * Without a filter: assignments at the scope, around it and within it. `atScope()`: not within it. `principalId eq`: of that principal;
 * `assignedTo()`: the same here, where there are no groups.
 */
function assignmentFilter(filter: string | null, scope: string): (assignment: StoredResource) => boolean {
  const tests = parseFilter(filter).map((term): ((assignment: StoredResource) => boolean) => {
    if (term.kind === 'function' && term.name === 'atscope') return ({ id }) => isWithin(scope, id.scope);
    const principal =
      term.kind === 'function' && term.name === 'assignedto'
        ? term.argument
        : term.kind === 'equals' && term.field === 'principalid'
          ? term.value
          : undefined;
    if (principal === undefined)
      throw new ArmError(
        400,
        'UnsupportedFilter',
        `The filter '${filter ?? ''}' is not supported. Supported filters are either 'atScope()' or 'principalId eq '{value}'' or 'assignedTo('{value}')'.`,
      );
    return ({ body }) => stringAt(body, 'properties.principalId')?.toLowerCase() === principal.toLowerCase();
  });
  return (assignment) =>
    (isWithin(assignment.id.scope, scope) || isWithin(scope, assignment.id.scope)) && tests.every((test) => test(assignment));
}
