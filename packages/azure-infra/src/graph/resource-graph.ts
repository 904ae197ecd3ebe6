import { createHash } from 'node:crypto';
import { InfraError } from '../errors.ts';
import { Expression, isTemplateList, type TemplateObject, type TemplateValue } from '../template/expression.ts';
import { GROUP_SCOPE, type Resource, type ResourceGroup, type RoleAssignment } from './resource.ts';
import { resourceGroupId, resourceId } from './resource-id.ts';
import { ENVIRONMENT_TAG, MANAGED_BY, MANAGED_BY_TAG, WRITE_ONLY_TAG } from './tags.ts';

/** What a graph is made from. */
export interface ResourceGraphOptions {
  /** Value of the tag that every resource gets. */
  readonly environment: string;
  readonly subscriptionId: string;
  readonly group: ResourceGroup;
  /** Further tags of every resource. */
  readonly tags?: Readonly<Record<string, string>>;
  readonly resources: readonly Resource[];
  readonly roleAssignments: readonly RoleAssignment[];
}

/** A hexadecimal digest of this length keeps accidental equality out of reach, and a tag's value short. */
const HASH_LENGTH = 32;

/**
 * An environment: its group, its resources, each after those that it depends on, and who may do what with them. Pure: the same
 * options give the same graph.
 */
export class ResourceGraph {
  readonly environment: string;
  readonly subscriptionId: string;
  readonly group: ResourceGroup;
  /** Of the group and of every resource that can have tags. */
  readonly tags: Readonly<Record<string, string>>;
  readonly resources: readonly Resource[];
  readonly roleAssignments: readonly RoleAssignment[];

  /** @throws {InfraError} `INFRA_GRAPH_INVALID` for a key that is used twice, is not there, or depends on itself. */
  constructor(options: ResourceGraphOptions) {
    this.environment = options.environment;
    this.subscriptionId = options.subscriptionId;
    this.group = options.group;
    this.tags = { ...options.tags, [ENVIRONMENT_TAG]: options.environment, [MANAGED_BY_TAG]: MANAGED_BY };
    this.resources = sortByDependency(options.resources).map((resource) => this.#tagged(resource));
    this.roleAssignments = options.roleAssignments;
    for (const { key, scope, principal } of options.roleAssignments) {
      if (scope !== GROUP_SCOPE) this.resource(scope, key);
      if ('identityOf' in principal) this.resource(principal.identityOf, key);
    }
  }

  /** The resource of a key; `neededBy` is for the message. */
  resource(key: string, neededBy?: string): Resource {
    const found = this.resources.find((resource) => resource.key === key);
    if (found === undefined) throw missing(key, neededBy);
    return found;
  }

  /** Id of a resource of this graph, or of its group by {@link GROUP_SCOPE}. */
  idOf(key: string): string {
    if (key === GROUP_SCOPE) return resourceGroupId(this.subscriptionId, this.group.name);
    const { type, name } = this.resource(key);
    return resourceId(this.subscriptionId, this.group.name, type, name);
  }

  #tagged(resource: Resource): Resource {
    if (resource.tags === undefined) return resource;
    const hash = writeOnlyHash(resource);
    return { ...resource, tags: { ...this.tags, ...resource.tags, ...(hash === undefined ? {} : { [WRITE_ONLY_TAG]: hash }) } };
  }
}

function missing(key: string, neededBy: string | undefined): InfraError {
  return new InfraError('INFRA_GRAPH_INVALID', `${neededBy ?? 'the graph'} refers to "${key}", which is not in the graph`);
}

/** Dependencies first; otherwise in the given order. */
function sortByDependency(resources: readonly Resource[]): Resource[] {
  const byKey = new Map<string, Resource>();
  for (const resource of resources) {
    if (byKey.has(resource.key)) throw new InfraError('INFRA_GRAPH_INVALID', `two resources have the key "${resource.key}"`);
    byKey.set(resource.key, resource);
  }
  const sorted = new Set<Resource>();
  const open = new Set<string>();
  const visit = (resource: Resource): void => {
    if (sorted.has(resource)) return;
    if (open.has(resource.key)) throw new InfraError('INFRA_GRAPH_INVALID', `"${resource.key}" depends on itself`);
    open.add(resource.key);
    for (const key of resource.dependsOn) {
      const dependency = byKey.get(key);
      if (dependency === undefined) throw missing(key, resource.key);
      visit(dependency);
    }
    open.delete(resource.key);
    sorted.add(resource);
  };
  resources.forEach(visit);
  return [...sorted];
}

/** Undefined when the service returns all of the resource. */
function writeOnlyHash(resource: Resource): string | undefined {
  if (resource.writeOnly === undefined) return undefined;
  const values = resource.writeOnly.map((path) => [path, valueAt(resource, path)]);
  return createHash('sha256').update(JSON.stringify(values)).digest('hex').slice(0, HASH_LENGTH);
}

function valueAt({ properties }: Resource, path: string): TemplateValue {
  const [root, ...names] = path.split('.');
  if (root !== 'properties') throw new InfraError('INFRA_GRAPH_INVALID', `the path "${path}" must begin with "properties."`);
  let value: TemplateValue | undefined = properties;
  for (const name of names) value = isObject(value) ? value[name] : undefined;
  return value ?? null;
}

function isObject(value: TemplateValue | undefined): value is TemplateObject {
  return typeof value === 'object' && value !== null && !(value instanceof Expression) && !isTemplateList(value);
}
