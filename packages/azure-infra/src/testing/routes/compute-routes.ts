import type { AccessControl } from '../arm/access-control.ts';
import { ArmError } from '../arm/arm-error.ts';
import type { ArmContext } from '../arm/context.ts';
import { withValue, type Json } from '../arm/json.ts';
import { parseFilter, wantedFields } from '../arm/odata-filter.ts';
import type { Pager } from '../arm/paging.ts';
import type { Reply } from '../arm/reply.ts';
import { groupNotFound, resourceNotFound, type ResourceService } from '../arm/resource-service.ts';
import { isSettled, type StoredResource } from '../arm/store.ts';
import { lacks, MACHINE_TYPE, quotaUsages } from '../providers/compute-quota.ts';
import { isInstanceOf } from '../providers/scale-set-instances.ts';
import { COMPUTE_API_VERSIONS, instanceView } from '../providers/virtual-machines.ts';
import type { Route, RouteRequest } from './route.ts';

/** What a list of machines can be filtered by. */
const SCALE_SET_FIELD = 'virtualMachineScaleSet/id';

/** What a region offers and what is used of it, and whether machines run. */
export function computeRoutes(context: ArmContext, access: AccessControl, resources: ResourceService, page: Pager): readonly Route[] {
  const subscription = `/subscriptions/${context.subscriptionId}`;
  const machine = ({ params, caller }: RouteRequest, path: string): StoredResource => {
    const group = params['group'] ?? '';
    const id = `${subscription}/resourceGroups/${group}/providers/${MACHINE_TYPE}/${params['name'] ?? ''}`;
    access.demand(caller, id, `${MACHINE_TYPE}/${path}`);
    const found = context.store.get(id);
    if (found !== undefined) return found;
    throw resourceNotFound(MACHINE_TYPE, [params['name'] ?? ''], group);
  };
  const list = (request: RouteRequest): Reply => {
    const scope = scopeOf(request.path);
    access.demand(request.caller, scope, `${MACHINE_TYPE}/read`);
    const group = request.params['group'];
    if (group !== undefined && context.store.get(scope) === undefined) throw groupNotFound(group);
    const scaleSet = wantedFields(parseFilter(request.query.get('$filter')), [SCALE_SET_FIELD]).get(SCALE_SET_FIELD.toLowerCase());
    const expanded = (request.query.get('$expand') ?? '').toLowerCase() === 'instanceview';
    if (expanded && scaleSet === undefined) {
      throw new ArmError(400, 'InvalidParameter', 'The expand expression is only allowed together with a filter.', { target: '$expand' });
    }
    const found = context.store.ofType(MACHINE_TYPE, scope).filter(({ body }) => scaleSet === undefined || isInstanceOf(body, scaleSet));
    return page(
      found.map((stored): Json => {
        const shown = resources.view(stored);
        return expanded ? withValue(shown, 'properties.instanceView', instanceView(stored)) : shown;
      }),
      request,
    );
  };
  const machinePath = `/subscriptions/{subscription}/resourceGroups/{group}/providers/${MACHINE_TYPE}/{name}`;
  return [
    {
      method: 'GET',
      path: '/subscriptions/{subscription}/providers/Microsoft.Compute/skus',
      apiVersions: ['2019-04-01', '2021-07-01'],
      handle: (request) => {
        access.demand(request.caller, subscription, 'Microsoft.Compute/skus/read');
        const location = wantedFields(parseFilter(request.query.get('$filter')), ['location']).get('location');
        return page(skus(context, location), request);
      },
    },
    {
      method: 'GET',
      path: '/subscriptions/{subscription}/providers/Microsoft.Compute/locations/{location}/usages',
      apiVersions: COMPUTE_API_VERSIONS,
      handle: (request) => {
        access.demand(request.caller, subscription, 'Microsoft.Compute/locations/usages/read');
        const usages = quotaUsages((request.params['location'] ?? '').toLowerCase(), context).map(({ name, used, limit }): Json => ({
          unit: 'Count',
          currentValue: used,
          limit,
          name: { value: name, localizedValue: name },
        }));
        return page(usages, request);
      },
    },
    {
      method: 'GET',
      path: `${machinePath}/instanceView`,
      apiVersions: COMPUTE_API_VERSIONS,
      handle: (request) => ({ status: 200, body: instanceView(machine(request, 'instanceView/read')) }),
    },
    ...['/subscriptions/{subscription}', '/subscriptions/{subscription}/resourceGroups/{group}'].map((path): Route => ({
      method: 'GET',
      path: `${path}/providers/${MACHINE_TYPE}`,
      apiVersions: COMPUTE_API_VERSIONS,
      polls: ({ path: asked }) => context.store.ofType(MACHINE_TYPE, scopeOf(asked)).some(({ body }) => !isSettled(body)),
      handle: (request) => list(request),
    })),
    {
      method: 'GET',
      path: machinePath,
      apiVersions: COMPUTE_API_VERSIONS,
      polls: ({ path }) => {
        const found = context.store.get(path);
        return found !== undefined && !isSettled(found.body);
      },
      handle: (request) => {
        const found = machine(request, 'read');
        const shown = resources.view(found);
        const expanded = (request.query.get('$expand') ?? '').toLowerCase() === 'instanceview';
        return { status: 200, body: expanded ? withValue(shown, 'properties.instanceView', instanceView(found)) : shown };
      },
    },
  ];
}

/** The subscription or the group that a list is about. */
function scopeOf(path: string): string {
  return path.slice(0, path.toLowerCase().indexOf('/providers/'));
}

function skus({ skus: all, regions }: ArmContext, location: string | undefined): readonly Json[] {
  const wanted = regions.filter(({ name }) => location === undefined || name === location.toLowerCase());
  return wanted.flatMap((region) =>
    all.map((sku): Json => ({
      resourceType: 'virtualMachines',
      name: sku.name,
      tier: 'Standard',
      size: sku.name.replace('Standard_', ''),
      family: sku.family,
      locations: [region.name],
      locationInfo: [{ location: region.name, zones: ['1', '2', '3'], zoneDetails: [] }],
      capabilities: [
        { name: 'vCPUs', value: String(sku.cores) },
        { name: 'MemoryGB', value: String(sku.memoryGb) },
        { name: 'LowPriorityCapable', value: sku.spot ? 'True' : 'False' },
        { name: 'PremiumIO', value: 'True' },
        { name: 'CpuArchitectureType', value: 'x64' },
      ],
      restrictions: lacks(region, sku)
        ? [
            {
              type: 'Location',
              values: [region.name],
              restrictionInfo: { locations: [region.name] },
              reasonCode: 'NotAvailableForSubscription',
            },
          ]
        : [],
    })),
  );
}
