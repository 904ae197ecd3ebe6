/**
 * The parts of a resource's id. Sources of the format: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-providers-and-types
 * and, for resources that extend another, https://learn.microsoft.com/azure/azure-resource-manager/management/extension-resource-types.
 */
export interface ResourceId {
  /** The whole id as it was given, with one slash at the start and none at the end. */
  readonly id: string;
  /** The id in lower case, because letter case does not matter in ids. */
  readonly key: string;
  /** Id of what the resource hangs on: a group, a subscription, or for an extension resource any resource. Empty for the tenant. */
  readonly scope: string;
  /** Namespace and types, such as `Microsoft.Storage/storageAccounts/blobServices`. */
  readonly type: string;
  /** One name for each type. */
  readonly names: readonly string[];
  /** The last name. */
  readonly name: string;
  /** Undefined at the tenant's scope. */
  readonly subscriptionId: string | undefined;
  /** Undefined outside a resource group. */
  readonly resourceGroup: string | undefined;
}

export const GROUP_TYPE = 'Microsoft.Resources/resourceGroups';
export const SUBSCRIPTION_TYPE = 'Microsoft.Resources/subscriptions';

const CONTAINER = /^\/subscriptions\/([^/]+)(?:\/resourcegroups\/([^/]+))?$/i;
const LAST_PROVIDER = /^(.*)\/providers\/([^/]+)((?:\/[^/]+\/[^/]+)+)$/i;
const CONTAINER_PREFIX = /^\/subscriptions\/([^/]+)(?:\/resourcegroups\/([^/]+))?/i;

/** The id's parts, or undefined when the text is not the id of a resource, a group or a subscription. */
export function parseResourceId(text: string): ResourceId | undefined {
  const id = `/${text.split('/').filter(Boolean).join('/')}`;
  const [, subscriptionId, resourceGroup] = CONTAINER_PREFIX.exec(id) ?? [];
  const common = { id, key: id.toLowerCase(), subscriptionId, resourceGroup };
  if (CONTAINER.test(id)) {
    if (resourceGroup !== undefined) {
      const scope = `/subscriptions/${subscriptionId ?? ''}`;
      return { ...common, scope, type: GROUP_TYPE, names: [resourceGroup], name: resourceGroup };
    }
    return { ...common, scope: '', type: SUBSCRIPTION_TYPE, names: [subscriptionId ?? ''], name: subscriptionId ?? '' };
  }
  const [, scope, namespace, path] = LAST_PROVIDER.exec(id) ?? [];
  if (scope === undefined || namespace === undefined || path === undefined) return undefined;
  const parts = path.split('/').slice(1);
  const names = parts.filter((_, index) => index % 2 === 1);
  const type = [namespace, ...parts.filter((_, index) => index % 2 === 0)].join('/');
  return { ...common, scope, type, names, name: names.at(-1) ?? '' };
}

/** Like {@link parseResourceId} for an id that was made here. */
export function resourceId(text: string): ResourceId {
  const id = parseResourceId(text);
  if (id === undefined) throw new Error(`${text} is not the id of a resource`);
  return id;
}

/** Puts an id together: `types` of the type and `names` alternate. */
export function formatResourceId(scope: string, type: string, names: readonly string[]): string {
  if (type.toLowerCase() === GROUP_TYPE.toLowerCase()) return `${scope}/resourceGroups/${names[0] ?? ''}`;
  const [namespace = '', ...types] = type.split('/');
  return `${scope}/providers/${namespace}${types.map((part, index) => `/${part}/${names[index] ?? ''}`).join('')}`;
}

/** Id of the resource that a child belongs to; undefined for one without parent. */
export function parentOf(id: ResourceId): string | undefined {
  return id.names.length > 1 ? formatResourceId(id.scope, id.type.slice(0, id.type.lastIndexOf('/')), id.names.slice(0, -1)) : undefined;
}

/** Whether the resource is the scope itself or anything inside it. The empty scope is the tenant and holds everything. */
export function isWithin(id: string, scope: string): boolean {
  const [inner, outer] = [id.toLowerCase(), scope.toLowerCase().replace(/\/$/, '')];
  return inner === outer || inner.startsWith(`${outer}/`);
}
