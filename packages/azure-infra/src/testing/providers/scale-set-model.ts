import { ArmError } from '../arm/arm-error.ts';
import type { ArmContext } from '../arm/context.ts';
import { at, equalJson, isObject, listAt, objectAt, stringAt, type Json, type JsonObject } from '../arm/json.ts';
import { normalLocation } from '../arm/resource-service.ts';
import type { DesiredResource } from '../arm/resource-type.ts';
import { oneOf, text } from './body.ts';
import { demandSku } from './compute-quota.ts';
import { checkOsProfile, demandImage } from './machine-profile.ts';
import { idsIn } from './network-references.ts';
import { modelOf } from './scale-set-instances.ts';

const PROFILE = 'properties.virtualMachineProfile';
/** Where a model says what its machines are connected to. */
export const INTERFACES = `${PROFILE}.networkProfile.networkInterfaceConfigurations`;

/** The most that a flexible scale set may have. */
const MAX_INSTANCES = 1000;
/** As many regions have. */
const MAX_FAULT_DOMAINS = 3;
/** Names of instances have 44 letters at most, and theirs are 9 longer. */
const MAX_NAME_LENGTH = 35;
/** Names of Linux machines have 64 letters at most, and theirs are 6 longer. */
const MAX_PREFIX_LENGTH = 58;

/** Properties that are fixed when the scale set is made. */
const CREATE_ONLY = [
  'orchestrationMode',
  'platformFaultDomainCount',
  'virtualMachineProfile.priority',
  'virtualMachineProfile.evictionPolicy',
  'virtualMachineProfile.osProfile.computerNamePrefix',
  'virtualMachineProfile.osProfile.adminUsername',
];

/** @throws {ArmError} when the values of a scale set are not acceptable. */
export function checkModel({ id, body, current }: DesiredResource, context: ArmContext): void {
  const location = normalLocation(text(body, 'location'));
  if (id.name.length > MAX_NAME_LENGTH) {
    throw invalid('vmScaleSetName', `The name of a flexible scale set has at most ${MAX_NAME_LENGTH} letters.`);
  }
  const sku = demandSku(text(body, 'sku.name'), location, context);
  capacityOf(body);
  oneOf(body, 'properties.orchestrationMode', ['Uniform', 'Flexible']);
  if (current !== undefined) demandUnchanged(body, current.body);
  const whole = current === undefined ? body : { ...current.body, ...body, properties: current.body['properties'] };
  if (stringAt(whole, 'properties.orchestrationMode')?.toLowerCase() !== 'flexible') {
    throw invalid('orchestrationMode', 'This double of the service has flexible scale sets only.');
  }
  oneOf(body, `${PROFILE}.priority`, ['Regular', 'Spot', 'Low']);
  oneOf(body, `${PROFILE}.evictionPolicy`, ['Deallocate', 'Delete']);
  const spot = isSpotModel(whole);
  if (spot && !sku.spot) {
    throw new ArmError(409, 'OperationNotAllowed', `The requested VM size ${sku.name} does not support Azure Spot Virtual Machines.`);
  }
  if (!spot && at(body, `${PROFILE}.evictionPolicy`) !== undefined) {
    throw invalid('evictionPolicy', 'Eviction policy can be set only on Azure Spot Virtual Machines.');
  }
  if (stringAt(body, 'identity.type')?.includes('SystemAssigned') === true) {
    throw invalid('identity.type', 'A flexible scale set can have user-assigned identities only.');
  }
  if (current === undefined) checkNewModel(body, context);
}

function checkNewModel(body: JsonObject, context: ArmContext): void {
  const domains = at(body, 'properties.platformFaultDomainCount');
  if (typeof domains !== 'number') throw missing('platformFaultDomainCount');
  if (domains < 1 || domains > MAX_FAULT_DOMAINS) {
    throw invalid(
      'platformFaultDomainCount',
      `The specified fault domain count ${domains} must fall in the range 1 to ${MAX_FAULT_DOMAINS}.`,
    );
  }
  const prefix = text(body, `${PROFILE}.osProfile.computerNamePrefix`);
  if (!/^[A-Za-z0-9][A-Za-z0-9-]*$/.test(prefix) || prefix.length > MAX_PREFIX_LENGTH) {
    throw invalid('computerNamePrefix', `The computer name prefix '${prefix}' is invalid.`);
  }
  if (stringAt(body, `${PROFILE}.networkProfile.networkApiVersion`) === undefined) throw missing('networkApiVersion');
  const interfaces = listAt(body, INTERFACES).filter(isObject);
  if (interfaces.length === 0) throw missing('networkInterfaceConfigurations');
  if (interfaces.filter((nic) => interfaces.length === 1 || at(nic, 'properties.primary') === true).length !== 1) {
    throw invalid('networkInterfaceConfigurations', 'Exactly one network interface configuration must be the primary one.');
  }
  for (const nic of interfaces) {
    text(nic, 'name');
    for (const configuration of listAt(nic, 'properties.ipConfigurations')) text(configuration, 'properties.subnet.id');
  }
  const model = modelOf(body, prefix);
  checkOsProfile(model);
  demandImage(model, context);
}

/** How many instances the scale set is to have, as far as it says so. @throws {ArmError} when that is not a number that it can have. */
export function capacityOf(body: JsonObject): number | undefined {
  const capacity = at(body, 'sku.capacity');
  if (capacity === undefined || capacity === null) return undefined;
  if (typeof capacity === 'number' && Number.isInteger(capacity) && capacity >= 0 && capacity <= MAX_INSTANCES) return capacity;
  throw invalid(
    'sku.capacity',
    `The value '${JSON.stringify(capacity)}' of parameter 'sku.capacity' must be between 0 and ${MAX_INSTANCES}.`,
  );
}

/** Whether the instances run on capacity that Azure may take back. */
export function isSpotModel(body: JsonObject): boolean {
  return ['spot', 'low'].includes((stringAt(body, `${PROFILE}.priority`) ?? '').toLowerCase());
}

/** Ids of subnets, security groups and so on that the model refers to. */
export function networkReferences(body: JsonObject): readonly string[] {
  return [...new Set(idsIn(at(body, INTERFACES)))];
}

/** Ids of the identities that the instances get. */
export function identityReferences(body: JsonObject): readonly string[] {
  return Object.keys(objectAt(body, 'identity.userAssignedIdentities'));
}

function demandUnchanged(wanted: JsonObject, current: JsonObject): void {
  for (const path of CREATE_ONLY) {
    const after: Json | undefined = at(wanted, `properties.${path}`);
    if (after === undefined || equalJson(after, at(current, `properties.${path}`))) continue;
    const target = path.replace('virtualMachineProfile.', '');
    throw new ArmError(409, 'PropertyChangeNotAllowed', `Changing property '${target}' is not allowed.`, { target });
  }
}

function invalid(target: string, message: string): ArmError {
  return new ArmError(400, 'InvalidParameter', message, { target });
}

function missing(target: string): ArmError {
  return invalid(target, `Required parameter '${target}' is missing (null).`);
}
