import { createHash } from 'node:crypto';
import type { JsonObject } from '../arm/arm-resource.ts';
import type { DeploymentRequest, ResourceManager, WhatIfChange } from '../arm/resource-manager.ts';
import type { ResourceGraph } from '../graph/resource-graph.ts';
import { resourceGroupId } from '../graph/resource-id.ts';
import { roleAssignmentId, roleAssignmentName } from '../graph/role-assignment.ts';
import type { Resource, RoleAssignment } from '../graph/resource.ts';
import { ROLE_DEFINITION } from '../graph/role-definition.ts';
import { ENVIRONMENT_TAG } from '../graph/tags.ts';
import { GROUP_API_VERSION, renderTemplate, type KnownIdentities } from '../template/render.ts';
import { withCurrentCapacity } from './current-capacity.ts';
import { isCreateOnly, realDifferences } from './differences.ts';
import { findIdentities } from './identities.ts';
import { leftOverRights } from './left-over.ts';
import type { PlannedChange } from './planned-change.ts';
import { rightText } from './right-text.ts';

/** What a deployment would do, and the deployment that does it. */
export interface Plan {
  readonly graph: ResourceGraph;
  /** Principals of the identities that exist already and last. */
  readonly identities: KnownIdentities;
  /** The ARM template as it would be deployed. */
  readonly template: JsonObject;
  readonly deployment: DeploymentRequest;
  /** One for each resource of the graph, in its order, and then what would be deleted. */
  readonly changes: readonly PlannedChange[];
}

const GROUP_TYPE = 'Microsoft.Resources/resourceGroups';
const ROLE_ASSIGNMENT_TYPE = 'Microsoft.Authorization/roleAssignments';
/** Of the digest in the deployment's name; it only has to tell one graph from the next. */
const NAME_HASH_LENGTH = 10;
/** Azure's limit of a deployment's name. */
const LONGEST_NAME = 64;

/** Whether a plan does anything. */
export function hasChanges({ changes }: Pick<Plan, 'changes'>): boolean {
  return changes.some(({ action }) => action !== 'no change');
}

/** The plan of an environment of which nothing is known to exist: everything is created. Nothing is asked of Azure. */
export function planFromNothing(graph: ResourceGraph): Plan {
  const template = renderTemplate(graph, new Map());
  const changes = describeGraph(graph, new Map()).map(created);
  return { graph, identities: new Map(), template, deployment: deploymentOf(graph, template), changes };
}

/** How to plan. */
export interface PlanOptions {
  /** Leave a resource as it is that could only be changed by making it anew. Default false: it is planned as `replace`. */
  readonly keep?: boolean;
}

/**
 * Compares an environment with what exists, by the service's own prediction (what-if). Nothing is changed.
 *
 * @throws {ArmError} when Azure refuses or does not answer.
 */
export async function planChanges(
  manager: ResourceManager,
  graph: ResourceGraph,
  signal: AbortSignal,
  { keep = false }: PlanOptions = {},
): Promise<Plan> {
  const identities = await findIdentities(manager, graph, signal);
  const present = await withCurrentCapacity(manager, graph, signal);
  const predicted = await manager.deployments.whatIf(deploymentOf(graph, renderTemplate(present, identities)), signal);
  const byId = new Map(predicted.map((change) => [change.resourceId.toLowerCase(), change]));
  const items = describeGraph(present, identities);
  const changes = await Promise.all(items.map((item) => changeOf(manager, item, byId.get(item.head.id.toLowerCase()), signal)));

  const replaced = new Set(changes.flatMap(({ action, key }) => (action === 'replace' && key !== undefined ? [key] : [])));
  const kept = keep ? replaced : new Set<string>();
  // What is made anew has another identity afterwards, so the rights of the old one go, and those of the new one are not known yet.
  const lasting = new Map([...identities].filter(([key]) => kept.has(key) || !replaced.has(key)));
  const leftOver = await leftOverRights(manager, graph, { known: identities, lasting }, signal);
  const finalChanges = describeGraph(graph, lasting).map((item, index) => {
    const change = changes[index];
    if (item.pending || change === undefined) return created(item);
    return change.key !== undefined && kept.has(change.key) ? keptAsItIs(change) : change;
  });
  const untouched = changes.flatMap(({ action, key }) =>
    action === 'no change' && key !== undefined && capacityIsNotOurs(graph, key) ? [key] : [],
  );
  const template = renderTemplate(present, lasting, new Set([...kept, ...untouched]));
  return { graph, identities: lasting, template, deployment: deploymentOf(graph, template), changes: [...finalChanges, ...leftOver] };
}

/** Such a resource is left out where nothing else about it changes: its capacity may be another by the time of the deployment. */
function capacityIsNotOurs({ resources }: ResourceGraph, key: string): boolean {
  return resources.some((resource) => resource.key === key && resource.capacityIsNotOurs === true);
}

function keptAsItIs(change: PlannedChange): PlannedChange {
  const note = `kept as it is, with another ${change.differences.map(({ path }) => path).join(', ')}`;
  return { ...change, action: 'no change', differences: [], note };
}

function created({ head }: Item): PlannedChange {
  return { ...head, action: 'create', differences: [] };
}

/** The name follows from the graph alone, so that a second run finds the deployment of the first, whatever has come to exist between them. */
function deploymentOf(graph: ResourceGraph, template: JsonObject): DeploymentRequest {
  const asNew = JSON.stringify(renderTemplate(graph, new Map()));
  const hash = createHash('sha256').update(asNew).digest('hex').slice(0, NAME_HASH_LENGTH);
  return {
    name: `${`warpforge-${graph.environment}`.slice(0, LONGEST_NAME - NAME_HASH_LENGTH - 1)}-${hash}`,
    location: graph.group.location,
    template,
    tags: { [ENVIRONMENT_TAG]: graph.environment },
  };
}

/** A resource or a right of the graph, as a plan names it. */
interface Item {
  readonly head: Omit<PlannedChange, 'action' | 'differences'>;
  readonly resource: Resource | undefined;
  /** A right of an identity that does not exist yet. */
  readonly pending: boolean;
}

function describeGraph(graph: ResourceGraph, identities: KnownIdentities): Item[] {
  const { group } = graph;
  const groupItem: Item = {
    head: {
      key: undefined,
      id: resourceGroupId(graph.subscriptionId, group.name),
      type: GROUP_TYPE,
      name: group.name,
      location: group.location,
    },
    resource: {
      key: '',
      type: GROUP_TYPE,
      apiVersion: GROUP_API_VERSION,
      name: group.name,
      location: group.location,
      tags: graph.tags,
      properties: {},
      dependsOn: [],
      createOnly: ['location'],
    },
    pending: false,
  };
  return [
    ...(group.managed ? [groupItem] : []),
    ...graph.resources.map((resource): Item => {
      const { key, type, location } = resource;
      return {
        head: { key, id: graph.idOf(key), type, name: readableName(resource), ...(location === undefined ? {} : { location }) },
        resource,
        pending: false,
      };
    }),
    ...graph.roleAssignments.map((assignment) => describeRight(graph, assignment, identities)),
  ];
}

/** The name of a role's definition is a GUID, which tells nobody anything. */
function readableName({ type, name, properties }: Resource): string {
  const { roleName } = properties;
  return type === ROLE_DEFINITION && typeof roleName === 'string' ? roleName : name;
}

function describeRight(graph: ResourceGraph, assignment: RoleAssignment, identities: KnownIdentities): Item {
  const { key, scope, principal } = assignment;
  const scopeId = graph.idOf(scope);
  const objectId = 'identityOf' in principal ? identities.get(principal.identityOf) : principal.objectId;
  const who =
    'identityOf' in principal
      ? graph.resource(principal.identityOf).name
      : `${principal.type === 'User' ? 'user' : 'service principal'} ${principal.objectId}`;
  const what = rightText(graph, assignment, who);
  if (objectId === undefined) {
    return {
      head: { key, id: scopeId, type: ROLE_ASSIGNMENT_TYPE, name: what, note: 'principal known after apply' },
      resource: undefined,
      pending: true,
    };
  }
  const id = roleAssignmentId(scopeId, roleAssignmentName(graph, assignment, objectId));
  return { head: { key, id, type: ROLE_ASSIGNMENT_TYPE, name: what }, resource: undefined, pending: false };
}

async function changeOf(
  manager: ResourceManager,
  item: Item,
  predicted: WhatIfChange | undefined,
  signal: AbortSignal,
): Promise<PlannedChange> {
  const { head, resource, pending } = item;
  if (pending || predicted?.changeType === 'Create') return created(item);
  const unchanged: PlannedChange = { ...head, action: 'no change', differences: [] };
  if (resource === undefined) {
    // A right has no property that could differ under the same name, but those that the service adds.
    return predicted === undefined ? created(item) : unchanged;
  }
  const differences = predicted?.changeType === 'Modify' ? realDifferences(resource, predicted.delta ?? []) : [];
  if (differences.length > 0) {
    return { ...head, action: differences.some((one) => isCreateOnly(resource, one)) ? 'replace' : 'change', differences };
  }
  const existing = await manager.resources.get(head.id, resource.apiVersion, signal);
  if (existing === undefined) return created(item);
  const state = existing.properties?.['provisioningState'];
  // What-if compares properties only: a resource whose creation has failed has them all, and does not work.
  if (state === 'Failed' || state === 'Canceled')
    return { ...head, action: 'change', differences: [], note: `its last deployment ${state === 'Failed' ? 'failed' : 'was canceled'}` };
  return predicted === undefined ? { ...unchanged, note: 'Azure did not predict whether it would change' } : unchanged;
}
