import type { ArmError } from './arm-error.ts';
import type { ArmContext } from './context.ts';
import type { JsonObject } from './json.ts';
import type { ResourceId } from './resource-id.ts';
import type { StoredResource } from './store.ts';

/**
 * How the service tells a client that something takes time: by a URL that gives `{status}`, by one that answers 202 until it is done, or
 * by the resource's own `properties.provisioningState`. `none`: it is done when the request is answered.
 */
export type Polling = 'none' | 'azure-async-operation' | 'location' | 'provisioning-state';

/** What a client or a template wants a resource to be. */
export interface DesiredResource {
  readonly id: ResourceId;
  /** Location, tags, properties, sku and so on; not id, name and type. */
  readonly body: JsonObject;
  /** The resource as it is, when it exists. */
  readonly current: StoredResource | undefined;
  /** Object id of who wants it. */
  readonly caller: string;
  /** What the request itself says where it is a patch; `body` is the whole resource then. */
  readonly patch?: JsonObject;
}

/** A right on another resource that a put takes besides the right to write, since the resource refers to the other one. */
export interface LinkedAction {
  readonly scope: string;
  readonly action: string;
}

/** What a put has as a consequence in other resources. It is over when they are. */
export interface Consequences {
  readonly put: readonly Pick<DesiredResource, 'id' | 'body'>[];
  readonly delete: readonly StoredResource[];
  /** Why the put fails in the end, though all this is done. */
  readonly failure?: ArmError;
}

/** What an action such as `start` does. */
export interface ActionResult {
  /** Answer of the action; absent: none. */
  readonly body?: JsonObject;
  /** How long it takes; the answer is 202 until then. */
  readonly seconds?: number;
  readonly done?: () => void;
  /** Resources that the action deletes. It is over when they are gone. */
  readonly deletes?: readonly StoredResource[];
}

/** One type of resource: its rules, its defaults and its timing. Adding one needs nothing but such an object. */
export interface ResourceType {
  /** In Azure's spelling, such as `Microsoft.Storage/storageAccounts`. */
  readonly type: string;
  readonly apiVersions: readonly string[];
  /** Whether it has a location and tags of its own, and shows in lists of resources. */
  readonly tracked: boolean;
  readonly naming?: { readonly pattern: RegExp; readonly rule: string; readonly code?: string };
  /** Where it takes time: how it is polled, and for how many virtual seconds. */
  readonly put: {
    readonly polling: Polling;
    readonly createSeconds: number;
    readonly updateSeconds: number;
    /** Where it isn't 201 for a new resource and 200 for one that was there. */
    readonly status?: number;
  };
  /** How a deletion is answered once it is done: with 200 and nothing (default), with 200 and what was there, or with 204. */
  readonly delete: { readonly polling: Polling; readonly seconds: number; readonly reply?: 'resource' | 'no-content' };
  /** It exists under this name as soon as its parent does, and goes with it. */
  readonly implicit?: { readonly name: string; readonly body: JsonObject };
  /**
   * What is checked before anything is done, by `validate` too: values, names that are taken, sizes, but no other resources, which may be
   * part of the same deployment.
   *
   * @throws {ArmError}
   */
  readonly check?: (desired: DesiredResource, context: ArmContext) => void;
  /** What `validate` and a new deployment check beyond that: quota. @throws {ArmError} */
  readonly preflight?: (desired: DesiredResource, context: ArmContext) => void;
  /**
   * The body to keep: what is wanted, completed by the service. Here other resources must exist, and properties that can't change are
   * compared with the current ones.
   *
   * @throws {ArmError}
   */
  readonly build: (desired: DesiredResource, context: ArmContext) => JsonObject;
  /** Whether a put while another one goes on is taken: it takes the other one's place. Default: it is refused. */
  readonly preemptible?: boolean;
  /** Rights that a put takes on what the resource refers to. */
  readonly linked?: (desired: DesiredResource, context: ArmContext) => readonly LinkedAction[];
  /** Other resources that a put makes and deletes; the body is the one that {@link build} made. */
  readonly consequences?: (desired: DesiredResource, context: ArmContext) => Consequences;
  /** Resources that are deleted with it and are not part of it. */
  readonly dependents?: (resource: StoredResource, context: ArmContext) => readonly StoredResource[];
  /** What a finished put has as a consequence for others. */
  readonly settle?: (resource: StoredResource, context: ArmContext) => void;
  /** What a deletion has as a consequence for others. @throws {ArmError} when the resource is in use. */
  readonly remove?: (resource: StoredResource, context: ArmContext) => void;
  /** What follows when it is gone, be it with its group. */
  readonly gone?: (resource: StoredResource, context: ArmContext) => void;
  /** What a GET shows, write-only values already left out. */
  readonly view?: (resource: StoredResource, body: JsonObject, context: ArmContext) => JsonObject;
  /** Paths that are kept and never shown. */
  readonly writeOnly?: readonly string[];
  /**
   * Paths that what-if leaves out of its comparison when the template does not state them: read-only properties and those of the
   * service's defaults that it knows. Other defaults show as deleted. A `*` stands for every element of a list.
   */
  readonly whatIfIgnores?: readonly string[];
  /** Paths that a template may state without effect. */
  readonly readOnly?: readonly string[];
  /** By name in lower case. */
  readonly actions?: Readonly<Record<string, (resource: StoredResource, body: JsonObject, context: ArmContext) => ActionResult>>;
}
