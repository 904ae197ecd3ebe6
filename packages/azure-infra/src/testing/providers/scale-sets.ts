import { ArmError } from '../arm/arm-error.ts';
import type { ArmContext } from '../arm/context.ts';
import { at, isList, isObject, mergeJson, objectAt, stringAt, type JsonObject } from '../arm/json.ts';
import { parseResourceId } from '../arm/resource-id.ts';
import { normalLocation } from '../arm/resource-service.ts';
import type { ActionResult, Consequences, DesiredResource, LinkedAction, ResourceType } from '../arm/resource-type.ts';
import type { StoredResource } from '../arm/store.ts';
import { text } from './body.ts';
import { demandCores, demandSku, MACHINE_TYPE } from './compute-quota.ts';
import { referencedInRegion } from './network-references.ts';
import { instancesOf, newInstances, spotRoom } from './scale-set-instances.ts';
import { capacityOf, checkModel, identityReferences, isSpotModel, networkReferences } from './scale-set-model.ts';
import { COMPUTE_API_VERSIONS } from './virtual-machines.ts';
import { SUBNET_TYPE } from './virtual-networks.ts';

/** What the service adds. */
const DEFAULTS: JsonObject = {
  singlePlacementGroup: false,
  virtualMachineProfile: {
    storageProfile: { osDisk: { osType: 'Linux', caching: 'ReadWrite', diskSizeGB: 30 }, diskControllerType: 'SCSI' },
    osProfile: {
      secrets: [],
      allowExtensionOperations: true,
      requireGuestProvisionSignal: true,
      linuxConfiguration: { provisionVMAgent: true, enableVMAgentPlatformUpdates: false },
    },
  },
};

/**
 * Flexible scale sets. Their instances are virtual machines of their own: a put that states a capacity makes and deletes machines until
 * there are so many. What is evicted does not lower the capacity, so it says what was asked for and not what there is.
 */
export const SCALE_SET: ResourceType = {
  type: 'Microsoft.Compute/virtualMachineScaleSets',
  apiVersions: COMPUTE_API_VERSIONS,
  tracked: true,
  naming: {
    pattern: /^[A-Za-z0-9]([A-Za-z0-9_.-]{0,62}[A-Za-z0-9_])?$/,
    rule: 'it must have 1 to 64 letters, digits, dashes, periods and underscores.',
    code: 'InvalidParameter',
  },
  put: { polling: 'azure-async-operation', createSeconds: 20, updateSeconds: 10 },
  delete: { polling: 'location', seconds: 20 },
  preemptible: true,
  check: checkModel,
  preflight: (desired, context) => demandRoom(desired, 'QuotaExceeded', context),
  build,
  linked,
  consequences,
  dependents: ({ id }, context) => instancesOf(id, context),
  writeOnly: ['customData', 'adminPassword'].map((name) => `properties.virtualMachineProfile.osProfile.${name}`),
  readOnly: ['provisioningState', 'uniqueId', 'timeCreated'].map((name) => `properties.${name}`),
  whatIfIgnores: [
    ...['provisioningState', 'uniqueId', 'timeCreated', 'singlePlacementGroup'],
    ...['secrets', 'allowExtensionOperations', 'requireGuestProvisionSignal'].map((name) => `virtualMachineProfile.osProfile.${name}`),
    ...['provisionVMAgent', 'enableVMAgentPlatformUpdates'].map((name) => `virtualMachineProfile.osProfile.linuxConfiguration.${name}`),
    ...['osDisk.osType', 'osDisk.caching', 'osDisk.diskSizeGB', 'diskControllerType'].map(
      (name) => `virtualMachineProfile.storageProfile.${name}`,
    ),
    'virtualMachineProfile.timeCreated',
  ].map((path) => `properties.${path}`),
  actions: { delete: deleteInstances },
};

function build({ id, body, current }: DesiredResource, context: ArmContext): JsonObject {
  const location = normalLocation(text(body, 'location'));
  const before = objectAt(current?.body, 'properties');
  const properties = mergeJson(mergeJson(DEFAULTS, before), objectAt(body, 'properties'));
  const sku = mergeJson(mergeJson({ tier: 'Standard', capacity: 0 }, objectAt(current?.body, 'sku')), objectAt(body, 'sku'));
  const whole: JsonObject = {
    location,
    sku,
    tags: objectAt(body, 'tags'),
    zones: at(body, 'zones') ?? at(current?.body, 'zones'),
    identity: identity(at(body, 'identity') ?? at(current?.body, 'identity')),
    properties: {
      ...properties,
      uniqueId: stringAt(before, 'uniqueId') ?? context.guids.next(`scale set ${id.key}`),
      timeCreated: stringAt(before, 'timeCreated') ?? context.clock.timestamp(),
      provisioningState: 'Succeeded',
    },
  };
  for (const reference of networkReferences(whole)) referencedInRegion(id, location, reference, context);
  for (const reference of identityReferences(whole)) {
    if (context.store.get(reference) !== undefined) continue;
    throw new ArmError(
      400,
      'FailedIdentityOperation',
      `Identity operation failed. The user assigned identity '${reference}' was not found.`,
    );
  }
  demandRoom({ id, body: whole }, 'OperationNotAllowed', context);
  return whole;
}

/** Of its identities a flexible scale set shows the ids only: https://learn.microsoft.com/azure/virtual-machine-scale-sets/virtual-machine-scale-sets-orchestration-modes. */
function identity(wanted: ReturnType<typeof at>): JsonObject | undefined {
  if (!isObject(wanted) || stringAt(wanted, 'type') === 'None') return undefined;
  const ids = Object.keys(objectAt(wanted, 'userAssignedIdentities'));
  return { type: 'UserAssigned', userAssignedIdentities: Object.fromEntries(ids.map((id) => [id, {}])) };
}

/** @throws {ArmError} when the quota does not allow for the instances that there are too few. */
function demandRoom({ id, body }: Pick<DesiredResource, 'id' | 'body'>, code: string, context: ArmContext): void {
  const location = normalLocation(text(body, 'location'));
  const machines = (capacityOf(body) ?? 0) - instancesOf(id, context).length;
  if (machines <= 0) return;
  const sku = demandSku(text(body, 'sku.name'), location, context);
  demandCores({ location, sku, spot: isSpotModel(body), machines }, code, context);
}

/** Instances join subnets, get identities, and are machines, which the caller must be allowed to make. */
function linked({ id, body, current, patch }: DesiredResource, context: ArmContext): readonly LinkedAction[] {
  const whole = mergeJson(current?.body ?? {}, body);
  const joins = networkReferences(whole).map((scope) => {
    const type = parseResourceId(scope)?.type ?? SUBNET_TYPE;
    return { scope, action: `${type}/join/action` };
  });
  const assigns = identityReferences(whole).map((scope) => ({
    scope,
    action: 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action',
  }));
  const raises = (capacityOf(patch ?? body) ?? 0) > instancesOf(id, context).length;
  const group = `/subscriptions/${id.subscriptionId ?? ''}/resourceGroups/${id.resourceGroup ?? ''}`;
  return [...joins, ...assigns, ...(raises ? [{ scope: group, action: `${MACHINE_TYPE}/write` }] : [])];
}

function consequences(desired: DesiredResource, context: ArmContext): Consequences {
  const { id, body, patch } = desired;
  const nothing: Consequences = { put: [], delete: [] };
  const target = capacityOf(body) ?? 0;
  if (patch !== undefined && capacityOf(patch) === undefined) return nothing;
  const existing = instancesOf(id, context);
  // By the default policy of a flexible scale set the oldest go first.
  if (target <= existing.length) return { ...nothing, delete: existing.slice(0, existing.length - target) };
  const wanted = target - existing.length;
  const count = isSpotModel(body) ? Math.min(wanted, spotRoom(context)) : wanted;
  const put = newInstances(count, desired, context);
  return count === wanted ? { ...nothing, put } : { ...nothing, put, failure: noCapacity() };
}

function noCapacity(): ArmError {
  return new ArmError(
    409,
    'AllocationFailed',
    'Allocation failed. We do not have sufficient capacity for the requested VM size in this region. ' +
      'Read more about improving likelihood of allocation success at https://aka.ms/allocation-guidance',
  );
}

/** Deletes instances by their ids, which are the names of the machines. */
function deleteInstances({ id }: StoredResource, body: JsonObject, context: ArmContext): ActionResult {
  const names = at(body, 'instanceIds');
  if (!isList(names) || names.length === 0) throw invalidInstance('The instanceIds parameter is missing or empty.');
  const existing = instancesOf(id, context);
  const deletes = names.map((name) => {
    const found = existing.find((machine) => typeof name === 'string' && machine.id.name.toLowerCase() === name.toLowerCase());
    if (found !== undefined) return found;
    throw invalidInstance(`The provided instanceId ${JSON.stringify(name)} is not an active Virtual Machine Scale Set VM instanceId.`);
  });
  return { deletes: [...new Set(deletes)] };
}

function invalidInstance(message: string): ArmError {
  return new ArmError(400, 'InvalidParameter', message, { target: 'instanceIds' });
}
