/** Id of a resource of a group. `name` has the names of its parents: `account/default/container`. */
export function resourceId(subscriptionId: string, resourceGroup: string, type: string, name: string): string {
  return `${resourceGroupId(subscriptionId, resourceGroup)}/providers/${relativePath(type, name)}`;
}

/** `Microsoft.Storage/storageAccounts/account/blobServices/default`: how a template names the scope of an extension resource. */
export function relativePath(type: string, name: string): string {
  const [provider = '', ...types] = type.split('/');
  const names = name.split('/');
  return [provider, ...types.map((segment, index) => `${segment}/${names[index] ?? ''}`)].join('/');
}

/** Id of a resource group. */
export function resourceGroupId(subscriptionId: string, resourceGroup: string): string {
  return `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}`;
}

/** What an id says. */
export interface ParsedResourceId {
  /** Undefined for what does not belong to a group. */
  readonly resourceGroup: string | undefined;
  readonly type: string;
  /** With the names of its parents. */
  readonly name: string;
}

/** Takes an id apart; for an extension resource, such as a role assignment, it is the last provider that counts. */
export function parseResourceId(id: string): ParsedResourceId {
  const resourceGroup = /\/resourceGroups\/([^/]+)/i.exec(id)?.[1];
  const at = id.toLowerCase().lastIndexOf('/providers/');
  if (at < 0) return { resourceGroup, type: 'Microsoft.Resources/resourceGroups', name: resourceGroup ?? '' };
  const [provider = '', ...segments] = id.slice(at + '/providers/'.length).split('/');
  return {
    resourceGroup,
    type: [provider, ...segments.filter((_segment, index) => index % 2 === 0)].join('/'),
    name: segments.filter((_segment, index) => index % 2 === 1).join('/'),
  };
}

/** Whether two ids mean the same: Azure compares them without regard to case. */
export function sameResourceId(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
