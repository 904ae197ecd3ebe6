import { createHttpHeaders, type HttpClient } from '@azure/core-rest-pipeline';
import { AccessControl, ASSIGNMENT_TYPE, DEFINITION_TYPE } from './arm/access-control.ts';
import { BUILT_IN_ROLES } from './arm/built-in-roles.ts';
import {
  DEFAULT_IMAGES,
  DEFAULT_QUOTA,
  DEFAULT_REGIONS,
  DEFAULT_SKUS,
  type Quota,
  type Region,
  type VirtualMachineSku,
} from './arm/catalog.ts';
import type { ArmContext } from './arm/context.ts';
import { Directory } from './arm/directory.ts';
import { documentationAddresses } from './arm/documentation-addresses.ts';
import { Faults } from './arm/faults.ts';
import { GuidSource } from './arm/guid-source.ts';
import type { JsonObject } from './arm/json.ts';
import { LongRunningOperations } from './arm/long-running-operations.ts';
import { pager } from './arm/paging.ts';
import { hasQueueRights } from './arm/queue-rights.ts';
import { RequestHandler, type LoggedRequest } from './arm/request-handler.ts';
import { GROUP_TYPE, parseResourceId, resourceId } from './arm/resource-id.ts';
import { ResourceService } from './arm/resource-service.ts';
import { ResourceStore, type ResourceListener } from './arm/store.ts';
import { TypeRegistry } from './arm/type-registry.ts';
import { VirtualClock } from './arm/virtual-clock.ts';
import { DeploymentService } from './deployments/deployment-service.ts';
import type { TemplateHost } from './deployments/load-template.ts';
import { containerOf } from './deployments/template-resource.ts';
import type { HttpHandler, HttpRequest, HttpResponse } from './http.ts';
import { RESOURCE_TYPES } from './providers/resource-types.ts';
import { ACCOUNT_TYPE } from './providers/storage-accounts.ts';
import { evict } from './providers/virtual-machines.ts';
import { authorizationRoutes } from './routes/authorization-routes.ts';
import { computeRoutes } from './routes/compute-routes.ts';
import { deploymentRoutes } from './routes/deployment-routes.ts';
import { operationRoutes } from './routes/operation-routes.ts';
import { resourceRoutes } from './routes/resource-routes.ts';
import { storageRoutes } from './routes/storage-routes.ts';
import { subscriptionRoutes } from './routes/subscription-routes.ts';

/** Somebody who may use the subscription, or may not. */
export interface FakePrincipal {
  readonly objectId: string;
  readonly type: 'User' | 'ServicePrincipal';
  readonly name?: string;
  /** Names of built-in roles that it has, by default on the whole subscription. Default: none. */
  readonly roles?: readonly (string | { readonly role: string; readonly scope: string })[];
}

/** What the service is like. All but the subscription and the tenant has a default that fits most tests. */
export interface FakeResourceManagerOptions {
  readonly subscriptionId: string;
  readonly tenantId: string;
  /** Default: one that begins on 1 January 2026. */
  readonly clock?: VirtualClock;
  /** Virtual seconds that pass with each request that polls. Default 10. */
  readonly pollSeconds?: number;
  /** Who there is. Default: {@link DEFAULT_PRINCIPAL}, the owner of the subscription. */
  readonly principals?: readonly FakePrincipal[];
  readonly regions?: readonly Region[];
  readonly skus?: readonly VirtualMachineSku[];
  /** Quotas that differ from the default, in cores, by name. */
  readonly quota?: Quota;
  /** Images of the marketplace, as `publisher:offer:sku`. */
  readonly images?: readonly string[];
  /** Names of storage accounts that others have. */
  readonly takenAccountNames?: readonly string[];
  /** Where an account's queues are, with a slash at the end. Default: `https://<account>.queue.core.windows.net/`. */
  readonly queueEndpoint?: (account: string) => string;
  /** Where an account's blobs are, with a slash at the end. Default: `https://<account>.blob.core.windows.net/`. */
  readonly blobEndpoint?: (account: string) => string;
  /** The address that a public IP address gets. Default: of the range for documentation, 203.0.113.0/24. */
  readonly publicIpAddress?: (name: string) => string;
  /** {@link FakeResourceManager.spotCapacity} at first. Default: no limit. */
  readonly spotCapacity?: number;
  /** Virtual seconds until a role assignment has an effect. Default 30. */
  readonly rolePropagationSeconds?: number;
  /** Virtual seconds until the directory's look-ups find a new identity. Default 60. */
  readonly directoryReplicationSeconds?: number;
  /** Items in a page of a list. Default 100. */
  readonly pageSize?: number;
  /** What tokens must be made out to. Default: the management endpoint of the public cloud. */
  readonly audiences?: readonly string[];
  /** The time that tokens' lifetimes are compared with, in milliseconds. Default: the real one, which clients go by. */
  readonly wallClock?: () => number;
}

/** The principal that a fake has when none is named: Owner of the subscription. */
export const DEFAULT_PRINCIPAL: FakePrincipal = {
  objectId: '0a0a0a0a-0000-4000-a000-00000000000a',
  type: 'User',
  name: 'owner@example.com',
  roles: ['Owner'],
};

/**
 * A double of Azure Resource Manager with state: it takes HTTP and JSON, knows resource groups, storage, network, compute, identities and
 * role assignments with their rules and defaults, and deploys templates in the order of their dependencies. Time is virtual: it passes
 * with each request that polls, so that everything is finished after the same number of polls in every run, and nothing waits.
 *
 * Left out: deployments in complete mode, `copy` loops, user-defined functions, symbolic names, linked templates, management groups, locks.
 */
export class FakeResourceManager {
  readonly subscriptionId: string;
  readonly tenantId: string;
  readonly clock: VirtualClock;
  /** How many Spot machines there can be at a time: a scale set that is to have more gets fewer. Machines that are there stay. */
  spotCapacity: number;
  /** What is to go wrong. */
  readonly faults = new Faults();
  readonly #context: ArmContext;
  readonly #access: AccessControl;
  readonly #resources: ResourceService;
  readonly #handler: RequestHandler;
  readonly #pollSeconds: number;

  constructor(options: FakeResourceManagerOptions) {
    const { subscriptionId, tenantId, clock = new VirtualClock(), pollSeconds = 10, principals = [DEFAULT_PRINCIPAL] } = options;
    this.subscriptionId = subscriptionId;
    this.tenantId = tenantId;
    this.clock = clock;
    this.spotCapacity = options.spotCapacity ?? Infinity;
    this.#pollSeconds = pollSeconds;
    const guids = new GuidSource();
    const context: ArmContext = {
      subscriptionId,
      tenantId,
      clock,
      guids,
      store: new ResourceStore(),
      directory: new Directory(clock, options.directoryReplicationSeconds ?? 60),
      regions: options.regions ?? DEFAULT_REGIONS,
      skus: options.skus ?? DEFAULT_SKUS,
      quota: { ...DEFAULT_QUOTA, ...options.quota },
      images: options.images ?? DEFAULT_IMAGES,
      takenAccountNames: new Set(options.takenAccountNames ?? []),
      blobEndpoint: options.blobEndpoint ?? ((account) => `https://${account}.blob.core.windows.net/`),
      spotCapacity: () => this.spotCapacity,
      queueEndpoint: options.queueEndpoint ?? ((account) => `https://${account}.queue.core.windows.net/`),
      publicIpAddress: options.publicIpAddress ?? documentationAddresses(),
    };
    this.#context = context;
    const types = new TypeRegistry(RESOURCE_TYPES);
    const access = new AccessControl(context, options.rolePropagationSeconds ?? 30);
    const resources = new ResourceService(context, types, this.faults);
    this.#access = access;
    this.#resources = resources;
    const host: TemplateHost = { tenantId, group: (target) => this.#group(containerOf(target)) };
    const deployments = new DeploymentService({ host, types, resources, access, store: context.store, clock, guids });
    context.store.subscribe(({ kind, type, name }) => {
      if (kind === 'deleted' && type === GROUP_TYPE) deployments.forget({ subscriptionId, resourceGroup: name });
    });
    const operations = new LongRunningOperations(guids);
    const page = pager(options.pageSize ?? 100);
    for (const principal of principals) this.#add(principal);
    this.#handler = new RequestHandler({
      routes: [
        ...deploymentRoutes({ deployments, operations, access, clock, page }),
        ...operationRoutes(operations),
        ...subscriptionRoutes({ context, access, types, page }),
        ...computeRoutes(context, access, resources, page),
        ...storageRoutes(context, access),
        ...authorizationRoutes(context, access, page),
        ...resourceRoutes({ context, access, types, resources, operations, page }),
      ],
      faults: this.faults,
      subscriptionId,
      tenantId,
      audiences: options.audiences ?? ['https://management.azure.com', 'https://management.core.windows.net'],
      wallClock: options.wallClock ?? Date.now,
      poll: () => this.clock.advance(this.#pollSeconds),
    });
  }

  /** Answers a request. Never rejects but for a fault of the double itself. */
  readonly handle: HttpHandler = async (request: HttpRequest): Promise<HttpResponse> => {
    const response = this.#handler.handle(request);
    await this.#context.store.settled();
    return response;
  };

  /** The same as an `httpClient` of the SDK's clients, so that nothing goes over a socket and URLs stay the real ones. */
  client(): HttpClient {
    return {
      sendRequest: async (request) => {
        const headers = Object.fromEntries(Object.entries(request.headers.toJSON()).map(([name, value]) => [name.toLowerCase(), value]));
        if (typeof request.body !== 'string' && request.body !== undefined && request.body !== null) {
          throw new TypeError('the double of Resource Manager takes only text as the body of a request');
        }
        const response = await this.handle({ method: request.method, url: request.url, headers, body: request.body ?? '' });
        return { request, status: response.status, headers: createHttpHeaders(response.headers), bodyAsText: response.body };
      },
    };
  }

  /** The requests so far, the oldest first. */
  get log(): readonly LoggedRequest[] {
    return this.#handler.log;
  }

  /** A resource as a GET shows it; undefined when there is none. */
  resource(id: string): JsonObject | undefined {
    const stored = this.#context.store.get(id);
    return stored === undefined ? undefined : this.#resources.view(stored);
  }

  /** All resources, or those of a type, as a GET shows them. */
  resources(type?: string): readonly JsonObject[] {
    const found = type === undefined ? this.#context.store.all() : this.#context.store.ofType(type);
    return found.map((resource) => this.#resources.view(resource));
  }

  /**
   * Changes a resource behind everybody's back, as somebody in the portal would.
   *
   * @throws {Error} when there is none.
   */
  change(id: string, change: (body: JsonObject) => JsonObject): void {
    const stored = this.#context.store.get(id);
    if (stored === undefined) throw new Error(`there is no resource ${id}`);
    this.#context.store.update(id, change);
    this.#context.store.announce('updated', stored.id);
  }

  /** Puts a resource there behind everybody's back, without any check; the body has no id, name and type. */
  place(id: string, body: JsonObject): void {
    const parsed = resourceId(id);
    this.#context.store.set({ id: parsed, body, createdAt: this.clock.now(), provisioned: true });
    this.#context.store.announce('created', parsed);
  }

  /** Removes a resource and what is in it behind everybody's back. */
  remove(id: string): void {
    this.#context.store.delete(id);
  }

  /**
   * Takes back the capacity of a Spot machine: it is deleted or deallocated, as its policy says. A scale set's capacity stays what it is.
   *
   * @throws {Error} when there is no such machine, or it is not on Spot capacity.
   */
  evict(id: string): void {
    const stored = this.#context.store.get(id);
    if (stored === undefined) throw new Error(`there is no machine ${id}`);
    evict(stored, this.#context);
  }

  /** Is told of every resource that comes to exist, changes or goes. @returns a function that ends it. */
  subscribe(listener: ResourceListener): () => void {
    return this.#context.store.subscribe(listener);
  }

  /** Whether the principal has a right on data (`…/blobs/read`) at a scope, by a role assignment that has propagated. */
  hasDataAction(objectId: string, scope: string, action: string): boolean {
    return this.#polled(this.#access.allowsData(objectId, scope, action));
  }

  /** Whether the principal has all rights of one of these lists on a queue, by role assignments that have propagated. */
  hasQueueRights(objectId: string, scope: string, rights: readonly (readonly string[])[]): boolean {
    return this.#polled(hasQueueRights(this.#access, objectId, scope, rights));
  }

  /** Resource id of the storage account with this name; undefined when there is none. */
  storageAccountId(name: string): string | undefined {
    return this.#context.store.ofType(ACCOUNT_TYPE).find(({ id }) => id.name === name.toLowerCase())?.id.id;
  }

  /** Who is refused tries again, which is a poll: time passes until the assignment has propagated. */
  #polled(allowed: boolean): boolean {
    if (!allowed) this.clock.advance(this.#pollSeconds);
    return allowed;
  }

  #group(id: string): JsonObject {
    const stored = this.#context.store.get(id);
    return stored === undefined ? { id, name: parseResourceId(id)?.name, type: GROUP_TYPE } : this.#resources.view(stored);
  }

  #add({ objectId, type, name, roles = [] }: FakePrincipal): void {
    this.#context.directory.add({ objectId, type, name: name ?? objectId }, true);
    for (const entry of roles) {
      const { role, scope } = typeof entry === 'string' ? { role: entry, scope: `/subscriptions/${this.subscriptionId}` } : entry;
      const builtIn = BUILT_IN_ROLES.find((candidate) => candidate.name === role);
      if (builtIn === undefined)
        throw new Error(`there is no built-in role '${role}'; known are ${BUILT_IN_ROLES.map((known) => known.name).join(', ')}`);
      const id = resourceId(`${scope}/providers/${ASSIGNMENT_TYPE}/${this.#context.guids.next('first role assignment')}`);
      const roleDefinitionId = `/subscriptions/${this.subscriptionId}/providers/${DEFINITION_TYPE}/${builtIn.id}`;
      // In force from the beginning of time.
      this.#context.store.set({
        id,
        createdAt: -Infinity,
        provisioned: true,
        body: { properties: { roleDefinitionId, principalId: objectId, principalType: type, scope } },
      });
    }
  }
}
