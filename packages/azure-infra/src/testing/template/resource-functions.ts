import { formatResourceId } from '../arm/resource-id.ts';
import type { Arguments } from './arguments.ts';
import type { TemplateFunction } from './functions.ts';
import { TemplateError } from './template-error.ts';

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Functions of resources, deployments and scopes: https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions-resource. */
export const RESOURCE_FUNCTIONS: Readonly<Record<string, TemplateFunction>> = {
  parameters: (args, scope) => scope.parameter(args.count(1).string(0)),
  variables: (args, scope) => scope.variable(args.count(1).string(0)),
  deployment: (args, scope) => {
    args.count(0);
    return scope.deployment();
  },
  resourcegroup: (args, scope) => {
    args.count(0);
    return scope.group();
  },
  subscription: (args, scope) => {
    args.count(0);
    return {
      id: `/subscriptions/${scope.subscriptionId}`,
      subscriptionId: scope.subscriptionId,
      tenantId: scope.tenantId,
      displayName: 'Subscription of the test',
    };
  },
  tenant: (args, scope) => {
    args.count(0);
    return { tenantId: scope.tenantId, countryCode: 'US', displayName: 'Tenant of the test' };
  },
  resourceid: (args, scope) => {
    // resourceId([subscriptionId], [resourceGroupName], resourceType, resourceName1, …): the type is the first with a slash.
    const parts = args.count(2, Infinity).strings();
    const typeAt = parts.findIndex((part) => part.includes('/'));
    if (typeAt < 0 || typeAt > 2) throw args.error('none of the first three arguments is a fully qualified resource type');
    const before = parts.slice(0, typeAt);
    const subscriptionId = before.length === 2 || GUID.test(before[0] ?? '') ? (before.shift() ?? '') : scope.subscriptionId;
    const group = before[0] ?? scope.resourceGroup;
    const container = group === undefined ? `/subscriptions/${subscriptionId}` : `/subscriptions/${subscriptionId}/resourceGroups/${group}`;
    return typed(args, container, parts.slice(typeAt));
  },
  subscriptionresourceid: (args, scope) => {
    const parts = args.count(2, Infinity).strings();
    const given = !(parts[0] ?? '').includes('/');
    const container = `/subscriptions/${given ? (parts[0] ?? '') : scope.subscriptionId}`;
    return typed(args, container, given ? parts.slice(1) : parts);
  },
  tenantresourceid: (args) => typed(args, '', args.count(2, Infinity).strings()),
  extensionresourceid: (args) => typed(args, args.count(3, Infinity).string(0), args.strings(1)),
  reference: (args, scope) => {
    args.count(1, 3);
    const full = args.has(2) && args.string(2).toLowerCase() === 'full';
    return scope.reference(args.string(0), args.has(1) && args.value(1) !== null ? args.string(1) : undefined, full);
  },
};

function typed(args: Arguments, scope: string, [type = '', ...names]: readonly string[]): string {
  const levels = type.split('/').filter(Boolean).length - 1;
  if (levels < 1 || levels !== names.length) {
    throw new TemplateError(
      `Unable to evaluate template language function '${args.name}': the type '${type}' requires '${Math.max(levels, 1)}' resource name argument(s), and '${names.length}' are given.`,
    );
  }
  return formatResourceId(scope, type, names);
}
