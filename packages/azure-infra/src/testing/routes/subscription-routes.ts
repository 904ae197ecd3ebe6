import type { AccessControl } from '../arm/access-control.ts';
import type { ArmContext } from '../arm/context.ts';
import { at, stringAt, type Json, type JsonObject } from '../arm/json.ts';
import { parseFilter, wantedFields } from '../arm/odata-filter.ts';
import type { Pager } from '../arm/paging.ts';
import { GROUP_TYPE } from '../arm/resource-id.ts';
import { provisioningState, type StoredResource } from '../arm/store.ts';
import type { TypeRegistry } from '../arm/type-registry.ts';
import { RESOURCES_API_VERSIONS } from '../providers/resource-groups.ts';
import type { Route, RouteRequest } from './route.ts';

const SUBSCRIPTION = '/subscriptions/{subscription}';
const READ = 'Microsoft.Resources/subscriptions/read';

/** What the subscription's routes need. */
export interface SubscriptionServices {
  readonly context: ArmContext;
  readonly access: AccessControl;
  readonly types: TypeRegistry;
  readonly page: Pager;
}

/** Subscriptions, their regions, and lists of the resources in them. */
export function subscriptionRoutes({ context, access, types, page }: SubscriptionServices): readonly Route[] {
  const id = `/subscriptions/${context.subscriptionId}`;
  const subscription: JsonObject = {
    id,
    subscriptionId: context.subscriptionId,
    tenantId: context.tenantId,
    displayName: 'Subscription of the test',
    state: 'Enabled',
    subscriptionPolicies: { locationPlacementId: 'Public_2014-09-01', quotaId: 'PayAsYouGo_2014-09-01', spendingLimit: 'Off' },
    authorizationSource: 'RoleBased',
  };
  const listResources = (request: RouteRequest, scope: string): readonly Json[] => {
    const wanted = wantedFields(parseFilter(request.query.get('$filter')), [
      'tagName',
      'tagValue',
      'resourceType',
      'resourceGroup',
      'name',
      'location',
    ]);
    return context.store
      .all()
      .filter((resource) => types.find(resource.id.type)?.tracked === true && resource.id.type !== GROUP_TYPE)
      .filter((resource) => resource.id.key.startsWith(`${scope.toLowerCase()}/`))
      .filter((resource) => access.allows(request.caller, resource.id.id, `${resource.id.type}/read`))
      .filter((resource) => matches(resource, wanted))
      .map((resource) => summary(resource, context));
  };
  const at_ = { apiVersions: RESOURCES_API_VERSIONS, method: 'GET' } as const;
  return [
    { ...at_, path: '/subscriptions', handle: (request) => page(access.allows(request.caller, id, READ) ? [subscription] : [], request) },
    {
      ...at_,
      path: '/tenants',
      handle: (request) =>
        page([{ id: `/tenants/${context.tenantId}`, tenantId: context.tenantId, displayName: 'Tenant of the test' }], request),
    },
    {
      ...at_,
      path: SUBSCRIPTION,
      handle: ({ caller }) => {
        access.demand(caller, id, READ);
        return { status: 200, body: subscription };
      },
    },
    {
      ...at_,
      path: `${SUBSCRIPTION}/locations`,
      handle: (request) => {
        access.demand(request.caller, id, 'Microsoft.Resources/subscriptions/locations/read');
        const locations = context.regions.map(({ name, displayName }): Json => ({
          id: `${id}/locations/${name}`,
          name,
          type: 'Region',
          displayName,
          regionalDisplayName: displayName,
          metadata: { regionType: 'Physical', regionCategory: 'Recommended' },
        }));
        return page(locations, request);
      },
    },
    { ...at_, path: `${SUBSCRIPTION}/resources`, handle: (request) => page(listResources(request, id), request) },
    {
      ...at_,
      path: `${SUBSCRIPTION}/resourceGroups/{group}/resources`,
      handle: (request) => page(listResources(request, `${id}/resourceGroups/${request.params['group'] ?? ''}`), request),
    },
    {
      ...at_,
      path: `${SUBSCRIPTION}/resourceGroups`,
      handle: (request) => {
        const wanted = wantedFields(parseFilter(request.query.get('$filter')), ['tagName', 'tagValue', 'name', 'location']);
        const groups = context.store
          .ofType(GROUP_TYPE)
          .filter((group) => access.allows(request.caller, group.id.id, 'Microsoft.Resources/subscriptions/resourceGroups/read'))
          .filter((group) => matches(group, wanted))
          .map((group): Json => ({ id: group.id.id, name: group.id.name, type: GROUP_TYPE, ...group.body }));
        return page(groups, request);
      },
    },
    {
      ...at_,
      path: `${SUBSCRIPTION}/providers`,
      handle: (request) => page(providers(types, context), request),
    },
    {
      ...at_,
      path: `${SUBSCRIPTION}/providers/{namespace}`,
      handle: ({ params }) => {
        const found = providers(types, context).find(
          (provider) => stringAt(provider, 'namespace')?.toLowerCase() === params['namespace']?.toLowerCase(),
        );
        return { status: 200, body: found ?? { namespace: params['namespace'], registrationState: 'NotRegistered', resourceTypes: [] } };
      },
    },
  ];
}

function matches({ id, body }: StoredResource, wanted: ReadonlyMap<string, string>): boolean {
  const same = (a: string | undefined, b: string): boolean => a?.toLowerCase() === b.toLowerCase();
  return [...wanted].every(([field, value]) => {
    switch (field) {
      case 'tagname':
        return stringAt(body['tags'] ?? null, value) !== undefined;
      case 'tagvalue': {
        // Only together with a tag's name, which says whose value it is.
        const name = wanted.get('tagname');
        return name !== undefined && stringAt(body['tags'] ?? null, name) === value;
      }
      case 'resourcetype':
        return same(id.type, value);
      case 'resourcegroup':
        return same(id.resourceGroup, value);
      case 'name':
        return same(id.name, value);
      default:
        return same(stringAt(body, 'location'), value);
    }
  });
}

function summary({ id, body, createdAt }: StoredResource, { clock }: ArmContext): JsonObject {
  return {
    id: id.id,
    name: id.name,
    type: id.type,
    ...Object.fromEntries(['location', 'tags', 'kind', 'sku', 'identity', 'managedBy', 'zones'].map((name) => [name, at(body, name)])),
    createdTime: new Date(createdAt).toISOString(),
    changedTime: clock.timestamp(),
    provisioningState: provisioningState(body),
  };
}

function providers(types: TypeRegistry, { regions }: ArmContext): readonly JsonObject[] {
  // Every type is offered everywhere, under the regions' names for people.
  const locations = regions.map(({ displayName }) => displayName);
  const namespaces = [...new Set(types.all().map(({ type }) => type.split('/')[0] ?? ''))];
  return namespaces.map((namespace): JsonObject => ({
    namespace,
    registrationState: 'Registered',
    resourceTypes: types
      .all()
      .filter(({ type }) => type.startsWith(`${namespace}/`))
      .map(({ type, apiVersions }): Json => ({ resourceType: type.slice(namespace.length + 1), apiVersions, locations })),
  }));
}
