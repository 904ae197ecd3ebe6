import type { ArmContext } from '../arm/context.ts';
import { at, isObject, listAt, mergeJson, objectAt, stringAt, without, type Json, type JsonObject } from '../arm/json.ts';
import { resourceId, type ResourceId } from '../arm/resource-id.ts';
import type { DesiredResource } from '../arm/resource-type.ts';
import { provisioningState, type StoredResource } from '../arm/store.ts';
import { isSpot, MACHINE_TYPE } from './compute-quota.ts';
import { NETWORK_INTERFACE } from './network-interfaces.ts';
import { INTERFACE_TYPE } from './network-references.ts';

/** Digits of an instance's name behind the scale set's, and of its computer name behind the prefix. */
const NAME_DIGITS = 8;
const COMPUTER_NAME_DIGITS = 6;

/** Whether a machine belongs to the scale set with this id. */
export function isInstanceOf(machine: JsonObject, scaleSet: string): boolean {
  return stringAt(machine, 'properties.virtualMachineScaleSet.id')?.toLowerCase() === scaleSet.toLowerCase();
}

/** The machines of a scale set that are there or on their way, the oldest first. */
export function instancesOf({ key }: ResourceId, { store }: ArmContext): readonly StoredResource[] {
  return store.ofType(MACHINE_TYPE).filter(({ body }) => isInstanceOf(body, key) && provisioningState(body) !== 'Deleting');
}

/** For how many more Spot machines there is room. */
export function spotRoom({ store, spotCapacity }: ArmContext): number {
  const running = store.ofType(MACHINE_TYPE).filter(({ body }) => isSpot(body) && stringAt(body, 'power') !== 'deallocated');
  return Math.max(0, spotCapacity() - running.length);
}

/** The machine that a scale set's model describes, without network. */
export function modelOf(scaleSet: JsonObject, computerName: string): JsonObject {
  const profile = objectAt(scaleSet, 'properties.virtualMachineProfile');
  const osProfile = without(objectAt(profile, 'osProfile'), ['computerNamePrefix']);
  return {
    location: at(scaleSet, 'location'),
    tags: objectAt(scaleSet, 'tags'),
    identity: at(scaleSet, 'identity'),
    properties: {
      hardwareProfile: { vmSize: at(scaleSet, 'sku.name') },
      priority: at(profile, 'priority'),
      evictionPolicy: at(profile, 'evictionPolicy'),
      billingProfile: at(profile, 'billingProfile'),
      // Of instances of a flexible scale set the disk goes with the machine unless it is told to stay.
      storageProfile: mergeJson({ osDisk: { deleteOption: 'Delete' } }, objectAt(profile, 'storageProfile')),
      osProfile: { ...osProfile, computerName },
    },
  };
}

/** So many new machines, as they are to be put. Their network interfaces are made here. */
export function newInstances(
  count: number,
  { id, body, caller }: DesiredResource,
  context: ArmContext,
): readonly Pick<DesiredResource, 'id' | 'body'>[] {
  const group = `/subscriptions/${id.subscriptionId ?? ''}/resourceGroups/${id.resourceGroup ?? ''}`;
  const profile = objectAt(body, 'properties.virtualMachineProfile');
  return Array.from({ length: count }, () => {
    const digits = context.guids.next(`instance of ${id.key}`);
    const suffix = digits.slice(0, NAME_DIGITS);
    const prefix = stringAt(profile, 'osProfile.computerNamePrefix') ?? '';
    const interfaces = listAt(profile, 'networkProfile.networkInterfaceConfigurations').filter(isObject);
    const networkInterfaces = interfaces.map((configuration): Json => {
      const nic = resourceId(`${group}/providers/${INTERFACE_TYPE}/${stringAt(configuration, 'name') ?? 'nic'}-${suffix}`);
      const { primary = true, deleteOption = 'Delete', ...properties } = objectAt(configuration, 'properties');
      const desired = { location: at(body, 'location'), tags: objectAt(body, 'tags'), properties };
      place(nic, NETWORK_INTERFACE.build({ id: nic, body: desired, current: undefined, caller }, context), context);
      return { id: nic.id, properties: { primary, deleteOption } };
    });
    const model = modelOf(body, `${prefix}${digits.replaceAll('-', '').slice(0, COMPUTER_NAME_DIGITS)}`);
    const properties = { virtualMachineScaleSet: { id: id.id }, networkProfile: { networkInterfaces } };
    return { id: resourceId(`${group}/providers/${MACHINE_TYPE}/${id.name}_${suffix}`), body: mergeJson(model, { properties }) };
  });
}

function place(id: ResourceId, body: JsonObject, { store, clock }: ArmContext): void {
  store.set({ id, body, createdAt: clock.now(), provisioned: true });
  store.announce('created', id);
}
