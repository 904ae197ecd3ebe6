import type { AccessControl } from '../arm/access-control.ts';
import { ArmError } from '../arm/arm-error.ts';
import type { VirtualClock } from '../arm/virtual-clock.ts';
import type { JsonObject } from '../arm/json.ts';
import type { LongRunningOperation, LongRunningOperations } from '../arm/long-running-operations.ts';
import { parseFilter, wantedFields } from '../arm/odata-filter.ts';
import type { Pager } from '../arm/paging.ts';
import type { DeploymentService } from '../deployments/deployment-service.ts';
import type { Deployment } from '../deployments/deployment.ts';
import { containerOf, DEPLOYMENT_TYPE, type DeploymentTarget } from '../deployments/template-resource.ts';
import { DEPLOYMENT_API_VERSIONS } from '../providers/deployments.ts';
import type { Route, RouteRequest } from './route.ts';

/** What the routes of deployments need. */
export interface DeploymentRouteServices {
  readonly deployments: DeploymentService;
  readonly operations: LongRunningOperations;
  readonly access: AccessControl;
  readonly clock: VirtualClock;
  readonly page: Pager;
}

/** How long a what-if takes, in virtual seconds. */
const WHAT_IF_SECONDS = 10;

/** Deployments at the scope of the subscription and of groups. */
export function deploymentRoutes(services: DeploymentRouteServices): readonly Route[] {
  const { deployments, operations, access, clock, page } = services;
  const demand = (request: RouteRequest, verb: string): DeploymentTarget => {
    const target = targetOf(request);
    const { name } = request.params;
    access.demand(
      request.caller,
      `${containerOf(target)}${name === undefined ? '' : `/providers/${DEPLOYMENT_TYPE}/${name}`}`,
      `${DEPLOYMENT_TYPE}/${verb}`,
    );
    return target;
  };
  const begin = (request: RouteRequest): LongRunningOperation =>
    operations.begin(`${containerOf(targetOf(request))}/providers/${DEPLOYMENT_TYPE}/${nameOf(request)}`, request.apiVersion);
  const active = (request: RouteRequest): boolean => deployments.find(targetOf(request), nameOf(request))?.active === true;
  const get = (request: RouteRequest): Deployment => deployments.get(demand(request, 'read'), nameOf(request));

  return [
    ...each('PUT', '/{name}', (request) => {
      const target = demand(request, 'write');
      const operation = begin(request);
      const existed = deployments.find(target, nameOf(request)) !== undefined;
      const deployment = deployments.start(target, nameOf(request), request.body, request.caller, operation);
      return {
        status: existed ? 200 : 201,
        body: deployment.toJson(),
        headers: { 'azure-asyncoperation': operation.statusUrl, 'retry-after': '0' },
      };
    }),
    ...each('GET', '/{name}', (request) => ({ status: 200, body: get(request).toJson() }), active),
    ...each(
      'HEAD',
      '/{name}',
      (request) => ({ status: deployments.find(demand(request, 'read'), nameOf(request)) === undefined ? 404 : 204 }),
      active,
    ),
    ...each('DELETE', '/{name}', (request) => {
      const target = demand(request, 'delete');
      if (!deployments.delete(target, nameOf(request))) return { status: 204 };
      const operation = begin(request);
      clock.after(1, () => operation.finish(undefined, { status: 204 }));
      return { status: 202, headers: { location: operation.resultUrl, 'retry-after': '0' } };
    }),
    ...each('POST', '/{name}/cancel', (request) => {
      deployments.cancel(demand(request, 'cancel/action'), nameOf(request));
      return { status: 204 };
    }),
    ...each('POST', '/{name}/validate', (request) => {
      const target = demand(request, 'validate/action');
      return { status: 200, body: deployments.validate(target, nameOf(request), request.body, request.caller) };
    }),
    ...each('POST', '/{name}/whatIf', (request) => {
      const target = demand(request, 'whatIf/action');
      const operation = begin(request);
      clock.after(WHAT_IF_SECONDS, () => operation.finish(undefined, { status: 200, body: whatIfResult(deployments, target, request) }));
      return { status: 202, headers: { location: operation.resultUrl, 'retry-after': '0' } };
    }),
    ...each('POST', '/{name}/exportTemplate', (request) => {
      const target = demand(request, 'exportTemplate/action');
      return { status: 200, body: { template: deployments.get(target, nameOf(request)).loaded.source.template } };
    }),
    ...each('GET', '', (request) => {
      const target = demand(request, 'read');
      const state = wantedFields(parseFilter(request.query.get('$filter')), ['provisioningState']).get('provisioningstate');
      const found = deployments.list(target).filter((deployment) => state === undefined || deployment.state === state);
      return page(
        found.map((deployment) => deployment.toJson()),
        request,
      );
    }),
    ...each(
      'GET',
      '/{name}/operations',
      (request) => {
        const deployment = deployments.get(demand(request, 'operations/read'), nameOf(request));
        return page(
          deployment.operations.map((operation) => deployment.operationJson(operation)),
          request,
        );
      },
      active,
    ),
    ...each(
      'GET',
      '/{name}/operations/{operation}',
      (request) => {
        const deployment = deployments.get(demand(request, 'operations/read'), nameOf(request));
        const found = deployment.operations.find(({ operationId }) => operationId === request.params['operation']);
        if (found === undefined) return operations.get(request.params['operation'] ?? '').status();
        return { status: 200, body: deployment.operationJson(found) };
      },
      active,
    ),
  ];
}

/** The route at both scopes, and for a group in the older spelling without the provider, too. */
function each(method: string, path: string, handle: Route['handle'], polls?: Route['polls']): readonly Route[] {
  const subscription = '/subscriptions/{subscription}';
  return [
    `${subscription}/providers/${DEPLOYMENT_TYPE}`,
    `${subscription}/resourceGroups/{group}/providers/${DEPLOYMENT_TYPE}`,
    `${subscription}/resourceGroups/{group}/deployments`,
  ].map((prefix) => ({
    method,
    path: `${prefix}${path}`,
    apiVersions: DEPLOYMENT_API_VERSIONS,
    handle,
    ...(polls === undefined ? {} : { polls }),
  }));
}

function targetOf({ params }: RouteRequest): DeploymentTarget {
  return { subscriptionId: params['subscription'] ?? '', resourceGroup: params['group'] };
}

function nameOf({ params }: RouteRequest): string {
  return params['name'] ?? '';
}

/** What is wrong with the template is found while it is looked at, and stands in the result. */
function whatIfResult(deployments: DeploymentService, target: DeploymentTarget, request: RouteRequest): JsonObject {
  try {
    return { status: 'Succeeded', properties: deployments.whatIf(target, nameOf(request), request.body) };
  } catch (error) {
    if (error instanceof ArmError) return { status: 'Failed', error: error.toJson() };
    throw error;
  }
}
