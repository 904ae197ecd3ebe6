import { stringAt, type JsonObject } from './json.ts';
import { isWithin, type ResourceId } from './resource-id.ts';

/** A resource as it is kept. */
export interface StoredResource {
  readonly id: ResourceId;
  /** All members but id, name and type, write-only values included. */
  readonly body: JsonObject;
  /** When its creation began, in milliseconds of the virtual clock. */
  readonly createdAt: number;
  /** Whether it ever came to be: a creation that fails leaves a resource that never was. */
  readonly provisioned: boolean;
}

/** What happened to a resource. */
export interface ResourceEvent {
  readonly kind: 'created' | 'updated' | 'deleted';
  readonly id: string;
  readonly type: string;
  readonly name: string;
}

/** Told of every resource that came to exist, changed or went; the answer to the request that caused it waits for the promise. */
export type ResourceListener = (event: ResourceEvent) => void | Promise<void>;

/** All resources of the subscription, in the order of their making. */
export class ResourceStore {
  readonly #resources = new Map<string, StoredResource>();
  readonly #listeners = new Set<ResourceListener>();
  #reactions: Promise<void>[] = [];

  get(id: string): StoredResource | undefined {
    return this.#resources.get(id.toLowerCase());
  }

  all(): readonly StoredResource[] {
    return [...this.#resources.values()];
  }

  /** Resources of a type (case does not matter), in a scope where one is given. */
  ofType(type: string, scope = ''): readonly StoredResource[] {
    return this.all().filter(({ id }) => id.type.toLowerCase() === type.toLowerCase() && isWithin(id.id, scope));
  }

  set(resource: StoredResource): void {
    this.#resources.set(resource.id.key, resource);
  }

  /** Replaces the body of a resource that still exists. */
  update(id: string, change: (body: JsonObject) => JsonObject): void {
    const resource = this.get(id);
    if (resource !== undefined) this.set({ ...resource, body: change(resource.body) });
  }

  /** Removes a resource, its children and what extends them, innermost first. @returns all that. */
  delete(id: string): readonly StoredResource[] {
    const gone = this.all().filter((resource) => isWithin(resource.id.key, id));
    for (const resource of gone.toSorted((a, b) => b.id.key.length - a.id.key.length)) {
      this.#resources.delete(resource.id.key);
      this.announce('deleted', resource.id);
    }
    return gone;
  }

  announce(kind: ResourceEvent['kind'], id: ResourceId): void {
    for (const listener of this.#listeners) {
      const reaction = listener({ kind, id: id.id, type: id.type, name: id.name });
      if (reaction !== undefined) this.#reactions.push(reaction);
    }
  }

  subscribe(listener: ResourceListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Settles when the listeners are done with all that was announced so far. */
  async settled(): Promise<void> {
    const reactions = this.#reactions;
    this.#reactions = [];
    await Promise.all(reactions);
  }
}

/** How far a resource is: `Succeeded`, `Creating`, `Failed`, …; undefined for types that don't say. */
export function provisioningState(body: JsonObject): string | undefined {
  return stringAt(body, 'properties.provisioningState');
}

/** Whether nothing is being done to the resource. */
export function isSettled(body: JsonObject): boolean {
  return [undefined, 'Succeeded', 'Failed', 'Canceled'].includes(provisioningState(body));
}
