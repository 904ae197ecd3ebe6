import { ArmError } from './arm-error.ts';
import { BUILT_IN_ROLES, covers, type Permission } from './built-in-roles.ts';
import type { ArmContext } from './context.ts';
import { at, isList, listAt, stringAt, type Json } from './json.ts';
import { isWithin } from './resource-id.ts';
import type { LinkedAction } from './resource-type.ts';
import type { StoredResource } from './store.ts';

export const ASSIGNMENT_TYPE = 'Microsoft.Authorization/roleAssignments';
export const DEFINITION_TYPE = 'Microsoft.Authorization/roleDefinitions';

/** Who may do what: role assignments at the scope and at all scopes around it, each from when it has propagated. */
export class AccessControl {
  readonly #context: ArmContext;
  readonly #propagationSeconds: number;

  constructor(context: ArmContext, propagationSeconds: number) {
    this.#context = context;
    this.#propagationSeconds = propagationSeconds;
  }

  /** @throws {ArmError} `AuthorizationFailed` unless the principal may do it. */
  demand(objectId: string, scope: string, action: string): void {
    if (this.allows(objectId, scope, action)) return;
    throw new ArmError(
      403,
      'AuthorizationFailed',
      `The client '${objectId}' with object id '${objectId}' does not have authorization to perform action '${action}' over scope '${scope}' ` +
        'or the scope is invalid. If access was recently granted, please refresh your credentials.',
    );
  }

  /**
   * Looks at the rights on what a resource refers to, after {@link demand}.
   *
   * @throws {ArmError} `LinkedAuthorizationFailed` unless the principal has them all.
   */
  demandLinked(objectId: string, scope: string, action: string, linked: readonly LinkedAction[]): void {
    const missing = linked.find((other) => !this.allows(objectId, other.scope, other.action));
    if (missing === undefined) return;
    throw new ArmError(
      403,
      'LinkedAuthorizationFailed',
      `The client '${objectId}' with object id '${objectId}' has permission to perform action '${action}' on scope '${scope}'; ` +
        `however, it does not have permission to perform action '${missing.action}' on the linked scope(s) '${missing.scope}' ` +
        'or the linked scope(s) are invalid.',
    );
  }

  allows(objectId: string, scope: string, action: string): boolean {
    return this.permissions(objectId, scope).some(({ actions, notActions }) => covers(actions, action) && !covers(notActions, action));
  }

  allowsData(objectId: string, scope: string, action: string): boolean {
    return this.permissions(objectId, scope).some(
      ({ dataActions, notDataActions }) => covers(dataActions, action) && !covers(notDataActions, action),
    );
  }

  /** What the principal's roles permit at a scope. */
  permissions(objectId: string, scope: string): readonly Permission[] {
    return this.#context.store
      .ofType(ASSIGNMENT_TYPE)
      .filter((assignment) => this.#inForce(assignment))
      .filter(({ id, body }) => sameText(stringAt(body, 'properties.principalId'), objectId) && isWithin(scope, id.scope))
      .flatMap(({ body }) => this.#permissionsOf(stringAt(body, 'properties.roleDefinitionId') ?? ''));
  }

  #inForce({ createdAt }: StoredResource): boolean {
    return createdAt + this.#propagationSeconds * 1000 <= this.#context.clock.now();
  }

  #permissionsOf(roleDefinitionId: string): readonly Permission[] {
    const guid = roleGuid(roleDefinitionId);
    const builtIn = BUILT_IN_ROLES.find((role) => role.id === guid);
    if (builtIn !== undefined) return [builtIn.permission];
    const custom = this.#context.store.ofType(DEFINITION_TYPE).find(({ id }) => id.name.toLowerCase() === guid);
    return listAt(custom?.body, 'properties.permissions').map(permissionOf);
  }
}

function permissionOf(value: Json): Permission {
  const texts = (name: string): readonly string[] => {
    const found = at(value, name);
    return isList(found) ? found.filter((item) => typeof item === 'string') : [];
  };
  return {
    actions: texts('actions'),
    notActions: texts('notActions'),
    dataActions: texts('dataActions'),
    notDataActions: texts('notDataActions'),
  };
}

/** The identifier of a role without the scope that stands before it, in lower case. */
export function roleGuid(roleDefinitionId: string): string {
  return (roleDefinitionId.split('/').at(-1) ?? '').toLowerCase();
}

function sameText(a: string | undefined, b: string): boolean {
  return a?.toLowerCase() === b.toLowerCase();
}
