import type { AccessControl } from '../arm/access-control.ts';
import { ArmError } from '../arm/arm-error.ts';
import type { ArmContext } from '../arm/context.ts';
import { mergeJson, stringAt, without, type Json, type JsonObject } from '../arm/json.ts';
import type { LongRunningOperation, LongRunningOperations } from '../arm/long-running-operations.ts';
import type { Pager } from '../arm/paging.ts';
import type { Reply } from '../arm/reply.ts';
import { GROUP_TYPE, isWithin, parseResourceId, type ResourceId } from '../arm/resource-id.ts';
import { groupNotFound, resourceNotFound, type ResourceService } from '../arm/resource-service.ts';
import type { DesiredResource, Polling, ResourceType } from '../arm/resource-type.ts';
import { isSettled, type StoredResource } from '../arm/store.ts';
import type { TypeRegistry } from '../arm/type-registry.ts';
import type { Route, RouteRequest } from './route.ts';

/** What the routes of resources need. */
export interface ResourceRouteServices {
  readonly context: ArmContext;
  readonly access: AccessControl;
  readonly types: TypeRegistry;
  readonly resources: ResourceService;
  readonly operations: LongRunningOperations;
  readonly page: Pager;
}

/** Reading, writing and deleting resources of every type by their id, their lists and their actions. */
export function resourceRoutes(services: ResourceRouteServices): readonly Route[] {
  const handler = new ResourceHandler(services);
  const route = (method: string, handle: Route['handle']): Route => ({
    method,
    path: '/{path+}',
    handle,
    polls: (request) => handler.polls(request),
  });
  return [
    route('GET', (request) => handler.get(request)),
    route('HEAD', (request) => handler.head(request)),
    route('PUT', (request) => handler.put(request)),
    route('PATCH', (request) => handler.patch(request)),
    route('DELETE', (request) => handler.delete(request)),
    route('POST', (request) => handler.act(request)),
  ];
}

class ResourceHandler {
  readonly #services: ResourceRouteServices;

  constructor(services: ResourceRouteServices) {
    this.#services = services;
  }

  /** A GET of something that isn't finished is a poll. */
  polls({ method, path }: RouteRequest): boolean {
    const stored = this.#services.context.store.get(path);
    return (method === 'GET' || method === 'HEAD') && stored !== undefined && !isSettled(stored.body);
  }

  get(request: RouteRequest): Reply {
    const id = parseResourceId(request.path);
    if (id === undefined || this.#isCollection(request.path)) return this.#list(request);
    const type = this.#type(id, request);
    this.#demand(request, id, type, 'read');
    return { status: 200, body: this.#services.resources.view(this.#existing(id)) };
  }

  head(request: RouteRequest): Reply {
    const id = this.#id(request);
    this.#demand(request, id, this.#type(id, request), 'read');
    return { status: this.#services.context.store.get(id.id) === undefined ? 404 : 204 };
  }

  put(request: RouteRequest): Reply {
    const id = this.#id(request);
    return this.#write(request, id, request.body, this.#services.context.store.get(id.id));
  }

  patch(request: RouteRequest): Reply {
    const id = this.#id(request);
    const current = this.#existing(id);
    const { tags, ...rest } = request.body;
    const merged = mergeJson(current.body, rest);
    return this.#write(request, id, tags === undefined ? merged : { ...merged, tags }, current, request.body);
  }

  delete(request: RouteRequest): Reply {
    const id = this.#id(request);
    const type = this.#type(id, request);
    this.#demand(request, id, type, 'delete');
    const { store } = this.#services.context;
    const current = store.get(id.id);
    if (current === undefined) {
      if (type.type === GROUP_TYPE) throw groupNotFound(id.name);
      return { status: 204 };
    }
    const operation = this.#operation(type.delete.polling, id, type, request.apiVersion);
    const shown = this.#services.resources.view(current);
    this.#services.resources.delete(type, current, (error) => operation?.finish(error, { status: 200 }));
    if (operation === undefined || operation.done) {
      return type.delete.reply === 'resource' ? { status: 200, body: shown } : { status: type.delete.reply === 'no-content' ? 204 : 200 };
    }
    return { status: 202, headers: pollingHeaders(type.delete.polling, operation) };
  }

  act(request: RouteRequest): Reply {
    const action = request.path.slice(request.path.lastIndexOf('/') + 1);
    const id = parseResourceId(request.path.slice(0, request.path.lastIndexOf('/')));
    if (id === undefined) throw noRoute(request);
    const type = this.#type(id, request);
    this.#services.access.demand(request.caller, id.id, `${type.type}/${action}/action`);
    const run = type.actions?.[action.toLowerCase()];
    if (run === undefined) throw noRoute(request);
    const { body, seconds = 0, done, deletes = [] } = run(this.#existing(id), request.body, this.#services.context);
    if (seconds === 0 && deletes.length === 0) {
      done?.();
      return body === undefined ? { status: 204 } : { status: 200, body };
    }
    const operation = this.#operation('azure-async-operation', id, type, request.apiVersion);
    this.#services.resources.deleteAll(deletes, () =>
      this.#services.context.clock.after(seconds, () => {
        done?.();
        operation?.finish(undefined, body === undefined ? { status: 200 } : { status: 200, body });
      }),
    );
    const headers: Record<string, string> =
      operation === undefined ? {} : { 'azure-asyncoperation': operation.statusUrl, location: operation.resultUrl, 'retry-after': '0' };
    return { status: 202, headers };
  }

  #write(request: RouteRequest, id: ResourceId, sent: JsonObject, current: StoredResource | undefined, patch?: JsonObject): Reply {
    const type = this.#type(id, request);
    this.#demand(request, id, type, 'write');
    demandSameId(id, sent);
    const body = without(sent, ['id', 'name', 'type']);
    const desired: DesiredResource = { id, body, current, caller: request.caller, ...(patch === undefined ? {} : { patch }) };
    this.#services.access.demandLinked(request.caller, id.id, `${type.type}/write`, this.#services.resources.linked(type, desired));
    const operation = this.#operation(type.put.polling, id, type, request.apiVersion);
    const { created } = this.#services.resources.put(type, desired, (error) => {
      const stored = this.#services.context.store.get(id.id);
      operation?.finish(error, { status: 200, ...(stored === undefined ? {} : { body: this.#services.resources.view(stored) }) });
    });
    const shown = this.#services.resources.view(this.#existing(id));
    if (operation === undefined || operation.done) return { status: type.put.status ?? (created ? 201 : 200), body: shown };
    if (type.put.polling === 'location') return { status: 202, headers: pollingHeaders('location', operation) };
    return { status: created ? 201 : 200, body: shown, headers: pollingHeaders(type.put.polling, operation) };
  }

  #list(request: RouteRequest): Reply {
    const { access, types, resources, context, page } = this.#services;
    const { path } = request;
    const end = path.lastIndexOf('/');
    const parent = parseResourceId(path.slice(0, end));
    const [, scope = '', namespace] = /^(.*)\/providers\/([^/]+)$/i.exec(path.slice(0, end)) ?? [];
    const typeName = namespace === undefined ? `${parent?.type ?? ''}/${path.slice(end + 1)}` : `${namespace}/${path.slice(end + 1)}`;
    if (namespace === undefined && (parent === undefined || types.find(typeName) === undefined)) throw noRoute(request);
    const type = types.withVersion(typeName, request.apiVersion, undefined);
    const inside = namespace === undefined ? path.slice(0, end) : scope;
    access.demand(request.caller, inside, `${type.type}/read`);
    const container = parseResourceId(inside);
    if (container !== undefined && container.type !== 'Microsoft.Resources/subscriptions') this.#existing(container);
    const found = context.store.ofType(type.type).filter(({ id }) => isWithin(id.id, inside));
    return page(
      found.map((resource): Json => resources.view(resource)),
      request,
    );
  }

  /** Whether the last part of the path is a type and not a name: an odd number of parts follows the provider. */
  #isCollection(path: string): boolean {
    const after = path.slice(path.toLowerCase().lastIndexOf('/providers/') + '/providers/'.length).split('/');
    return path.toLowerCase().includes('/providers/') && after.length % 2 === 0;
  }

  #id(request: RouteRequest): ResourceId {
    const id = parseResourceId(request.path);
    if (id === undefined || this.#isCollection(request.path) || id.type === 'Microsoft.Resources/subscriptions') throw noRoute(request);
    const type = this.#services.types.find(id.type);
    return type === undefined ? id : { ...id, type: type.type };
  }

  #type(id: ResourceId, { apiVersion }: RouteRequest): ResourceType {
    return this.#services.types.withVersion(id.type, apiVersion, stringAt(this.#services.context.store.get(id.id)?.body, 'location'));
  }

  #existing(id: ResourceId): StoredResource {
    const { store } = this.#services.context;
    const found = store.get(id.id);
    if (found !== undefined) return found;
    if (id.type.toLowerCase() === GROUP_TYPE.toLowerCase()) throw groupNotFound(id.name);
    const group = id.resourceGroup;
    if (group !== undefined && store.get(`/subscriptions/${id.subscriptionId ?? ''}/resourceGroups/${group}`) === undefined)
      throw groupNotFound(group);
    if (id.type.toLowerCase().endsWith('/containers'))
      throw new ArmError(404, 'ContainerNotFound', 'The specified container does not exist.');
    if (id.type.toLowerCase().endsWith('/roleassignments')) {
      throw new ArmError(404, 'RoleAssignmentNotFound', `The role assignment '${id.name.replaceAll('-', '')}' is not found.`);
    }
    throw resourceNotFound(id.type, id.names, group);
  }

  #demand({ caller }: RouteRequest, id: ResourceId, type: ResourceType, verb: 'read' | 'write' | 'delete'): void {
    const name = type.type === GROUP_TYPE ? 'Microsoft.Resources/subscriptions/resourceGroups' : type.type;
    this.#services.access.demand(caller, id.id, `${name}/${verb}`);
  }

  #operation(polling: Polling, id: ResourceId, type: ResourceType, apiVersion: string): LongRunningOperation | undefined {
    if (polling === 'none' || polling === 'provisioning-state') return undefined;
    const base = `/subscriptions/${id.subscriptionId ?? ''}/providers/${type.type.split('/')[0] ?? ''}/locations/global`;
    return this.#services.operations.begin(base, apiVersion);
  }
}

function pollingHeaders(polling: Polling, operation: LongRunningOperation): Record<string, string> {
  const headers: Record<string, string> = { 'retry-after': '0' };
  if (polling === 'azure-async-operation') headers['azure-asyncoperation'] = operation.statusUrl;
  if (polling === 'location') headers['location'] = operation.resultUrl;
  return headers;
}

function demandSameId(id: ResourceId, body: JsonObject): void {
  const { id: bodyId, name } = body;
  if (
    (typeof bodyId === 'string' && bodyId.toLowerCase() !== id.key) ||
    (typeof name === 'string' && name.toLowerCase() !== id.name.toLowerCase())
  ) {
    throw new ArmError(400, 'InvalidRequestContent', 'The request content was invalid: its id or name is not that of the URL.');
  }
}

/** The answer to a path that means nothing. */
export function noRoute({ method, path }: Pick<RouteRequest, 'method' | 'path'>): ArmError {
  return new ArmError(404, 'NotFound', `No HTTP resource was found that matches the request '${method} ${path}'.`);
}
