import { isObject, type Json, type JsonObject } from '../arm/json.ts';
import { formatResourceId, GROUP_TYPE, parseResourceId, type ResourceId } from '../arm/resource-id.ts';
import { evaluateDeep } from '../template/evaluate.ts';
import { TemplateError } from '../template/template-error.ts';
import type { TemplateScope } from './template-scope.ts';

export const DEPLOYMENT_TYPE = 'Microsoft.Resources/deployments';

/** Where a deployment puts its resources: a group, or with none the subscription. */
export interface DeploymentTarget {
  readonly subscriptionId: string;
  readonly resourceGroup: string | undefined;
}

/** One resource of a template: what must be known before anything is deployed, and the rest as it was written. */
export interface TemplateResource {
  readonly id: ResourceId;
  readonly apiVersion: string;
  /** As written: names, relative or full ids. */
  readonly dependsOn: readonly string[];
  /** Whether it is deployed at all. */
  readonly condition: boolean;
  /** Location, tags, properties and so on, with their expressions. */
  readonly body: JsonObject;
  readonly scope: TemplateScope;
}

/** Members of a template's resource that aren't part of the resource. */
const OWN = [
  'id',
  'name',
  'type',
  'apiVersion',
  'dependsOn',
  'condition',
  'scope',
  'resources',
  'comments',
  'metadata',
  'copy',
  'subscriptionId',
  'resourceGroup',
];

/** The resource and those written inside it. @throws {TemplateError} */
export function templateResources(
  item: Json,
  target: DeploymentTarget,
  scope: TemplateScope,
  parent?: { readonly type: string; readonly name: string },
): readonly TemplateResource[] {
  if (!isObject(item)) throw new TemplateError("Every element of the template's 'resources' must be an object.");
  const written = typeof item['name'] === 'string' ? item['name'] : JSON.stringify(item['type'] ?? null);
  try {
    if (item['copy'] !== undefined) throw new TemplateError("'copy' loops are not supported by this test double: write the resources out.");
    const [shortType, shortName] = [early(item, 'type', scope), early(item, 'name', scope)];
    const type = parent === undefined ? shortType : `${parent.type}/${shortType}`;
    const name = parent === undefined ? shortName : `${parent.name}/${shortName}`;
    const condition = item['condition'] === undefined ? true : evaluateDeep(item['condition'], scope).value;
    if (typeof condition !== 'boolean') throw new TemplateError("its 'condition' is not a boolean.");
    const dependsOn = evaluateDeep(item['dependsOn'] ?? [], scope).value;
    if (!Array.isArray(dependsOn) || !dependsOn.every((entry) => typeof entry === 'string')) {
      throw new TemplateError("its 'dependsOn' is not a list of strings.");
    }
    const resource: TemplateResource = {
      id: identify(item, type, name, target, scope),
      apiVersion: early(item, 'apiVersion', scope),
      dependsOn,
      condition,
      body: Object.fromEntries(Object.entries(item).filter(([member]) => !OWN.includes(member))),
      scope,
    };
    const children = item['resources'] ?? [];
    if (!Array.isArray(children)) throw new TemplateError("its 'resources' is not a list.");
    return [resource, ...children.flatMap((child: Json) => templateResources(child, target, scope, { type, name }))];
  } catch (error) {
    if (!(error instanceof TemplateError) || error.cause === RESOURCE_NAMED) throw error;
    throw new TemplateError(`The template resource '${written}' is not valid: ${error.message}`, { cause: RESOURCE_NAMED });
  }
}

/** Marks an error whose message already names the resource. */
const RESOURCE_NAMED = Symbol('resource named');

function early(item: JsonObject, member: string, scope: TemplateScope): string {
  const value = item[member];
  if (value === undefined) throw new TemplateError(`the required property '${member}' is missing.`);
  const evaluated = evaluateDeep(value, scope).value;
  if (typeof evaluated !== 'string' || evaluated === '') throw new TemplateError(`its '${member}' is not a string.`);
  return evaluated;
}

function identify(item: JsonObject, type: string, name: string, target: DeploymentTarget, scope: TemplateScope): ResourceId {
  const here = containerOf(target);
  if (type.toLowerCase() === DEPLOYMENT_TYPE.toLowerCase()) {
    const subscriptionId = item['subscriptionId'] === undefined ? target.subscriptionId : early(item, 'subscriptionId', scope);
    const resourceGroup = item['resourceGroup'] === undefined ? target.resourceGroup : early(item, 'resourceGroup', scope);
    const place = {
      subscriptionId,
      resourceGroup: subscriptionId === target.subscriptionId ? resourceGroup : (resourceGroup ?? undefined),
    };
    return identified(containerOf(place), DEPLOYMENT_TYPE, [name]);
  }
  const names = name.split('/');
  // The older way to write an extension: Microsoft.Storage/storageAccounts/providers/roleAssignments, named account/Microsoft.Authorization/guid.
  const [outer = '', inner] = type.split(/\/providers\//i);
  if (inner !== undefined) {
    const levels = outer.split('/').length - 1;
    demandNames(type, name, names.length, levels + inner.split('/').length + 1);
    const extended = formatResourceId(here, outer, names.slice(0, levels));
    return identified(extended, `${names[levels] ?? ''}/${inner}`, names.slice(levels + 1));
  }
  demandNames(type, name, names.length, type.split('/').length - 1);
  if (item['scope'] !== undefined) {
    const extended = early(item, 'scope', scope);
    return identified(extended.startsWith('/') ? extended.replace(/\/$/, '') : `${here}/providers/${extended}`, type, names);
  }
  if (type.toLowerCase() === GROUP_TYPE.toLowerCase() && target.resourceGroup !== undefined) {
    throw new TemplateError(`the resource type '${type}' can't be deployed to a resource group.`);
  }
  return identified(here, type, names);
}

/** The id of a resource whose type and names a template states. @throws {TemplateError} when they make no id, such as a type `/`. */
function identified(scope: string, type: string, names: readonly string[]): ResourceId {
  const id = parseResourceId(formatResourceId(scope, type, names));
  const stated = [type, ...names].join('/').toLowerCase();
  if (id !== undefined && [id.type, ...id.names].join('/').toLowerCase() === stated) return id;
  throw new TemplateError(`the type '${type}' and the name '${names.join('/')}' are not those of a resource.`);
}

function demandNames(type: string, name: string, found: number, wanted: number): void {
  if (found === wanted) return;
  throw new TemplateError(
    `the name '${name}' for type '${type}' has incorrect segment lengths. A nested resource type must have identical number of segments as its resource name. ` +
      'A root resource type must have segment length one greater than its resource name. Please see https://aka.ms/arm-syntax-resources for usage details.',
  );
}

/** Id of the group or the subscription. */
export function containerOf({ subscriptionId, resourceGroup }: DeploymentTarget): string {
  return `/subscriptions/${subscriptionId}${resourceGroup === undefined ? '' : `/resourceGroups/${resourceGroup}`}`;
}
