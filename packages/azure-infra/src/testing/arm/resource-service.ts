import { ArmError } from './arm-error.ts';
import type { ArmContext } from './context.ts';
import type { Faults } from './faults.ts';
import { stringAt, withValue, type JsonObject } from './json.ts';
import {
  formatResourceId,
  GROUP_TYPE,
  isWithin,
  parentOf,
  parseResourceId,
  resourceId,
  SUBSCRIPTION_TYPE,
  type ResourceId,
} from './resource-id.ts';
import type { DesiredResource, LinkedAction, ResourceType } from './resource-type.ts';
import { isSettled, provisioningState, type StoredResource } from './store.ts';
import type { TypeRegistry } from './type-registry.ts';

/** Told when a put or a deletion is over; undefined is success. */
export type Settled = (error: ArmError | undefined) => void;

/** Puts, deletes and shows resources of all types, for requests and for deployments alike. */
export class ResourceService {
  readonly #context: ArmContext;
  readonly #types: TypeRegistry;
  readonly #faults: Faults;
  /** The put that a resource's state is owed to, by the resource's key. */
  readonly #turns = new Map<string, symbol>();

  constructor(context: ArmContext, types: TypeRegistry, faults: Faults) {
    this.#context = context;
    this.#types = types;
    this.#faults = faults;
  }

  /**
   * @param preflight - whether this is ahead of a deployment, where quota is looked at, too.
   * @param values - whether all values are known; if not, only the name is looked at.
   * @throws {ArmError} when the resource can't be put because of its own values.
   */
  check(type: ResourceType, desired: DesiredResource, { preflight = false, values = true } = {}): void {
    const { naming } = type;
    if (naming !== undefined && !naming.pattern.test(desired.id.name)) {
      throw new ArmError(
        400,
        naming.code ?? 'InvalidResourceName',
        `The name '${desired.id.name}' of the resource is invalid: ${naming.rule}`,
      );
    }
    if (!values) return;
    if (type.tracked) this.#checkLocation(type, desired);
    type.check?.(desired, this.#context);
    if (preflight) type.preflight?.(desired, this.#context);
  }

  /**
   * Begins to create or change a resource; the store has it at once, in a state that is not final when it takes time.
   *
   * @param settled - called when it is done, which may be before this returns.
   * @throws {ArmError} when it is refused.
   */
  put(type: ResourceType, desired: DesiredResource, settled: Settled): { readonly created: boolean } {
    const { current } = desired;
    const id = current?.id ?? this.#canonical(desired.id, type);
    this.#demandContainer(id);
    const preempts = type.preemptible === true && provisioningState(current?.body ?? {}) !== 'Deleting';
    if (current !== undefined && !isSettled(current.body) && !preempts) {
      if (id.type === GROUP_TYPE) throw groupBeingDeleted(id.name);
      throw new ArmError(
        409,
        'AnotherOperationInProgress',
        `Another operation on this or dependent resource is in progress: '${id.name}' is in state '${provisioningState(current.body) ?? ''}'.`,
      );
    }
    this.check(type, desired);
    const created = current === undefined;
    const seconds = created ? type.put.createSeconds : type.put.updateSeconds;
    const fault = this.#faults.resourceFailure(type.type, id.name);
    if (fault !== undefined && seconds === 0) throw fault;
    const body = type.build({ ...desired, id }, this.#context);
    const others = type.consequences?.({ ...desired, id, body }, this.#context);
    const provisioned = current?.provisioned ?? false;
    const resource: StoredResource = { id, body, createdAt: current?.createdAt ?? this.#context.clock.now(), provisioned };
    const turn = Symbol(id.id);
    this.#turns.set(id.key, turn);
    const finish = (failure: ArmError | undefined): void => {
      const stored = this.#context.store.get(id.id);
      // It may be gone by now, with its group.
      if (stored === undefined) {
        settled(new ArmError(404, 'ResourceNotFound', `The resource '${id.id}' was deleted while it was being written.`));
        return;
      }
      if (this.#turns.get(id.key) !== turn || provisioningState(stored.body) === 'Deleting') {
        settled(preempted());
        return;
      }
      if (failure !== undefined) {
        this.#context.store.set({ ...stored, body: withState(stored.body, 'Failed') });
        settled(failure);
        return;
      }
      const done = { ...stored, body: seconds > 0 ? withState(stored.body, 'Succeeded') : stored.body, provisioned: true };
      this.#context.store.set(done);
      if (!provisioned) this.#createImplicit(type, done);
      type.settle?.(done, this.#context);
      this.#context.store.announce(provisioned ? 'updated' : 'created', id);
      settled(undefined);
    };
    const part = allOf(1 + (others?.put.length ?? 0) + (others?.delete.length ?? 0), () => finish(failure));
    let failure = fault ?? others?.failure;
    for (const gone of others?.delete ?? []) this.delete(this.#typeOf(gone.id), gone, part);
    this.#context.store.set(seconds > 0 ? { ...resource, body: withState(body, created ? 'Creating' : 'Updating') } : resource);
    for (const made of others?.put ?? []) {
      this.put(this.#typeOf(made.id), { ...made, current: undefined, caller: desired.caller }, (error) => {
        // What was deleted in the meantime was meant to be.
        if (provisioningState(this.#context.store.get(made.id.id)?.body ?? {}) === 'Failed') failure ??= error;
        part();
      });
    }
    this.#context.clock.after(seconds, part);
    return { created };
  }

  /** Begins to delete a resource. @throws {ArmError} when it is in use. */
  delete(type: ResourceType, resource: StoredResource, settled: Settled): void {
    const dependents = type.dependents?.(resource, this.#context) ?? [];
    type.remove?.(resource, this.#context);
    const part = allOf(1 + dependents.length, () => {
      for (const gone of this.#context.store.delete(resource.id.id)) this.#types.find(gone.id.type)?.gone?.(gone, this.#context);
      settled(undefined);
    });
    for (const dependent of dependents) this.delete(this.#typeOf(dependent.id), dependent, part);
    if (type.delete.seconds > 0) this.#context.store.update(resource.id.id, (body) => withState(body, 'Deleting'));
    this.#context.clock.after(type.delete.seconds, part);
  }

  /** Begins to delete several resources; `settled` is called once all are gone, at once where there are none. */
  deleteAll(resources: readonly StoredResource[], settled: Settled): void {
    const part = allOf(1 + resources.length, () => settled(undefined));
    for (const resource of resources) this.delete(this.#typeOf(resource.id), resource, part);
    part();
  }

  /** The rights that a put takes on what the resource refers to. */
  linked(type: ResourceType, desired: DesiredResource): readonly LinkedAction[] {
    return type.linked?.(desired, this.#context) ?? [];
  }

  /** The resource as a GET shows it. */
  view(resource: StoredResource): JsonObject {
    const type = this.#types.find(resource.id.type);
    const shown = (type?.writeOnly ?? []).reduce((body, path) => withValue(body, path, undefined), resource.body);
    const body = type?.view?.(resource, shown, this.#context) ?? shown;
    return { id: resource.id.id, name: resource.id.name, type: resource.id.type, ...body };
  }

  /** The type of a resource that is known to have one. */
  #typeOf(id: ResourceId): ResourceType {
    return this.#types.get(id.type, '');
  }

  /** The id in Azure's spelling: that of what exists around it, and of the type. */
  #canonical(id: ResourceId, { type }: ResourceType): ResourceId {
    const group = id.resourceGroup === undefined ? '' : `/resourceGroups/${id.resourceGroup}`;
    const scope = id.type === GROUP_TYPE || id.scope === '' ? id.scope : `/subscriptions/${id.subscriptionId ?? ''}${group}`;
    const around =
      this.#context.store.get(id.scope)?.id.id ?? (isWithin(id.scope, scope) ? scope + id.scope.slice(scope.length) : id.scope);
    return resourceId(formatResourceId(around, type, id.names));
  }

  /** What is missing for the resource to be put: its group or its parent. */
  #demandContainer(id: ResourceId): void {
    if (id.resourceGroup !== undefined && id.type !== GROUP_TYPE) {
      const group = this.#context.store.get(`/subscriptions/${id.subscriptionId ?? ''}/resourceGroups/${id.resourceGroup}`);
      if (group === undefined) throw groupNotFound(id.resourceGroup);
      if (provisioningState(group.body) === 'Deleting') throw groupBeingDeleted(id.resourceGroup);
    }
    this.#demandScope(id);
    const parent = parentOf(id);
    const stored = parent === undefined ? undefined : this.#context.store.get(parent);
    if (stored !== undefined && !isSettled(stored.body)) {
      throw new ArmError(
        409,
        'ReferencedResourceNotProvisioned',
        `Cannot proceed with operation because resource ${stored.id.id} used by resource ${id.id} is not in Succeeded state. ` +
          `Resource is in ${provisioningState(stored.body) ?? 'unknown'} state.`,
      );
    }
    if (parent !== undefined && stored === undefined) {
      const { type, name } = resourceId(parent);
      throw new ArmError(
        404,
        'ParentResourceNotFound',
        `Failed to perform 'write' on resource(s) of type '${id.type.slice(id.type.indexOf('/') + 1)}', because the parent resource '${parent}' could not be found.`,
        { target: `${type}/${name}` },
      );
    }
  }

  /** What an extension hangs on must exist, and not only be on its way. */
  #demandScope({ scope }: ResourceId): void {
    const extended = parseResourceId(scope);
    if (extended === undefined || [GROUP_TYPE, SUBSCRIPTION_TYPE].includes(extended.type)) return;
    const stored = this.#context.store.get(scope);
    if (stored === undefined || provisioningState(stored.body) === 'Creating')
      throw resourceNotFound(extended.type, extended.names, extended.resourceGroup);
  }

  #checkLocation(type: ResourceType, { id, body, current }: DesiredResource): void {
    const location = stringAt(body, 'location');
    if (location === undefined) {
      throw new ArmError(400, 'LocationRequired', 'The location property is required for this definition.');
    }
    const name = normalLocation(location);
    if (!this.#context.regions.some((region) => region.name === name)) {
      throw new ArmError(
        400,
        'LocationNotAvailableForResourceType',
        `The provided location '${location}' is not available for resource type '${type.type}'. ` +
          `List of available regions for the resource type is '${this.#context.regions.map((region) => region.name).join(',')}'.`,
      );
    }
    const before = stringAt(current?.body, 'location');
    if (before !== undefined && normalLocation(before) !== name) {
      const place = id.resourceGroup === undefined ? '' : ` in resource group '${id.resourceGroup}'`;
      throw new ArmError(
        409,
        id.type === GROUP_TYPE ? 'InvalidResourceGroupLocation' : 'InvalidResourceLocation',
        `The resource '${id.name}' already exists in location '${before}'${place}. ` +
          `A resource with the same name cannot be created in location '${name}'. Please select a new resource name.`,
      );
    }
  }

  #createImplicit(type: ResourceType, parent: StoredResource): void {
    for (const child of this.#types.all()) {
      if (child.implicit === undefined || child.type.slice(0, child.type.lastIndexOf('/')) !== type.type) continue;
      const id = resourceId(`${parent.id.id}/${child.type.slice(child.type.lastIndexOf('/') + 1)}/${child.implicit.name}`);
      this.#context.store.set({ id, body: child.implicit.body, createdAt: this.#context.clock.now(), provisioned: true });
    }
  }
}

/** A region's short name: `West US 3` is `westus3`. */
export function normalLocation(location: string): string {
  return location.replaceAll(' ', '').toLowerCase();
}

/** The answer to a group that doesn't exist. */
export function groupNotFound(name: string): ArmError {
  return new ArmError(404, 'ResourceGroupNotFound', `Resource group '${name}' could not be found.`);
}

function groupBeingDeleted(name: string): ArmError {
  return new ArmError(
    409,
    'ResourceGroupBeingDeleted',
    `The resource group '${name}' is in deprovisioning state and cannot perform this operation.`,
  );
}

/** The answer of the service when a resource doesn't exist. */
export function resourceNotFound(type: string, names: readonly string[], group: string | undefined): ArmError {
  const path = [
    type.split('/')[0] ?? '',
    ...type
      .split('/')
      .slice(1)
      .map((part, index) => `${part}/${names[index] ?? ''}`),
  ].join('/');
  const where = group === undefined ? '' : ` under resource group '${group}'`;
  return new ArmError(
    404,
    'ResourceNotFound',
    `The Resource '${path}'${where} was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix`,
  );
}

function preempted(): ArmError {
  return new ArmError(409, 'OperationPreempted', 'Operation execution has been preempted by a more recent operation.');
}

/** A function that does something once it has been called so many times. */
function allOf(times: number, then: () => void): () => void {
  let left = times;
  return () => {
    left -= 1;
    if (left === 0) then();
  };
}

function withState(body: JsonObject, state: string): JsonObject {
  return withValue(body, 'properties.provisioningState', state);
}
