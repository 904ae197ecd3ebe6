import { ArmError } from '../arm/arm-error.ts';
import type { ArmContext } from '../arm/context.ts';
import { at, equalJson, isObject, listAt, mergeJson, objectAt, stringAt, withValue, type Json, type JsonObject } from '../arm/json.ts';
import { resourceId, type ResourceId } from '../arm/resource-id.ts';
import { normalLocation } from '../arm/resource-service.ts';
import type { ActionResult, DesiredResource, ResourceType } from '../arm/resource-type.ts';
import { provisioningState, type StoredResource } from '../arm/store.ts';
import { oneOf, text } from './body.ts';
import { demandQuota, demandSku, isSpot, MACHINE_TYPE } from './compute-quota.ts';
import { DISK_TYPE } from './disks.ts';
import { machineIdentity } from './machine-identity.ts';
import { checkOsProfile, demandImage } from './machine-profile.ts';
import { referencedInRegion } from './network-references.ts';

export const COMPUTE_API_VERSIONS: readonly string[] = [
  '2022-11-01',
  '2023-03-01',
  '2023-07-01',
  '2023-09-01',
  '2024-03-01',
  '2024-07-01',
  '2024-11-01',
  '2025-04-01',
  '2025-11-01',
  '2026-03-01',
  '2026-04-01',
];

/** Properties that are fixed when the machine is made, as they stand below `properties`. */
const CREATE_ONLY = [
  'osProfile.customData',
  'osProfile.computerName',
  'osProfile.adminUsername',
  'osProfile.linuxConfiguration.disablePasswordAuthentication',
  'osProfile.linuxConfiguration.ssh.publicKeys',
  'storageProfile.imageReference',
  'storageProfile.osDisk.name',
  'priority',
];

/** What the service adds to a machine on Linux. */
const DEFAULTS: JsonObject = {
  storageProfile: {
    osDisk: { osType: 'Linux', caching: 'ReadWrite', deleteOption: 'Detach', diskSizeGB: 30 },
    dataDisks: [],
    diskControllerType: 'SCSI',
  },
  osProfile: {
    secrets: [],
    allowExtensionOperations: true,
    requireGuestProvisionSignal: true,
    linuxConfiguration: { provisionVMAgent: true, patchSettings: { patchMode: 'ImageDefault', assessmentMode: 'ImageDefault' } },
  },
};

/** Virtual machines. A put of an existing one changes only what it states, and not what is fixed at its creation. */
export const VIRTUAL_MACHINE: ResourceType = {
  type: MACHINE_TYPE,
  apiVersions: COMPUTE_API_VERSIONS,
  tracked: true,
  naming: {
    pattern: /^[A-Za-z0-9]([A-Za-z0-9_.-]{0,62}[A-Za-z0-9_])?$/,
    rule: 'it must have 1 to 64 letters, digits, dashes, periods and underscores.',
    code: 'InvalidParameter',
  },
  put: { polling: 'azure-async-operation', createSeconds: 40, updateSeconds: 20 },
  delete: { polling: 'location', seconds: 30 },
  check: ({ body, current }, context) => {
    const location = normalLocation(text(body, 'location'));
    const sku = demandSku(text(body, 'properties.hardwareProfile.vmSize'), location, context);
    oneOf(body, 'properties.priority', ['Regular', 'Spot', 'Low']);
    oneOf(body, 'properties.evictionPolicy', ['Deallocate', 'Delete']);
    oneOf(body, 'properties.storageProfile.osDisk.createOption', ['FromImage', 'Attach', 'Empty']);
    if (isSpot(body) && !sku.spot) {
      throw new ArmError(409, 'OperationNotAllowed', `The requested VM size ${sku.name} does not support Azure Spot Virtual Machines.`);
    }
    if (!isSpot(body) && at(body, 'properties.evictionPolicy') !== undefined) {
      throw new ArmError(400, 'InvalidParameter', 'Eviction policy can be set only on Azure Spot Virtual Machines.', {
        target: 'evictionPolicy',
      });
    }
    if (current === undefined) checkOsProfile(body);
    demandImage(body, context);
  },
  preflight: (desired, context) => demandQuota(desired, 'QuotaExceeded', context),
  build,
  settle,
  remove,
  gone: ({ body }, { directory }) => directory.remove(stringAt(body, 'identity.principalId') ?? ''),
  writeOnly: ['power', 'properties.osProfile.customData', 'properties.osProfile.adminPassword'],
  readOnly: ['vmId', 'timeCreated', 'provisioningState', 'instanceView'].map((name) => `properties.${name}`),
  whatIfIgnores: [
    ...['identity.principalId', 'identity.tenantId', 'resources', 'etag'],
    ...[
      ...[
        'vmId',
        'timeCreated',
        'provisioningState',
        'instanceView',
        'storageProfile.imageReference.exactVersion',
        'storageProfile.dataDisks',
      ],
      ...[
        'storageProfile.osDisk.osType',
        'storageProfile.osDisk.name',
        'storageProfile.osDisk.managedDisk.id',
        'storageProfile.diskControllerType',
      ],
      ...['osProfile.secrets', 'osProfile.allowExtensionOperations', 'osProfile.linuxConfiguration.provisionVMAgent'],
      ...['osProfile.linuxConfiguration.patchSettings', 'storageProfile.osDisk.caching', 'storageProfile.osDisk.deleteOption'],
    ].map((path) => `properties.${path}`),
  ],
  actions: {
    start: (machine, _body, context) => power(machine, 'running', context),
    restart: (machine, _body, context) => power(machine, 'running', context),
    poweroff: (machine, _body, context) => power(machine, 'stopped', context),
    deallocate: (machine, _body, context) => power(machine, 'deallocated', context),
    simulateeviction: (machine, _body, context) => evict(machine, context),
  },
};

function build({ id, body, current }: DesiredResource, context: ArmContext): JsonObject {
  const location = normalLocation(text(body, 'location'));
  demandQuota({ id, body }, 'OperationNotAllowed', context);
  const properties = objectAt(body, 'properties');
  if (current !== undefined) demandUnchanged(body, current.body);
  const before = objectAt(current?.body, 'properties');
  const merged = mergeJson(mergeJson(DEFAULTS, before), properties);
  const nics = networkInterfaces(merged).map((nic) => referencedInRegion(id, location, nic, context));
  for (const nic of nics) demandFree(nic, id);
  const identity = machineIdentity(id, at(body, 'identity'), at(current?.body, 'identity'), context);
  // Nothing fails from here on.
  for (const nic of nics) context.store.update(nic.id.id, (stored) => withValue(stored, 'properties.virtualMachine', { id: id.id }));
  const diskName =
    stringAt(merged, 'storageProfile.osDisk.name') ?? `${id.name}_disk1_${context.guids.next(`os disk of ${id.key}`).replaceAll('-', '')}`;
  const image =
    stringAt(merged, 'storageProfile.imageReference.version') === 'latest'
      ? '24.04.202601010'
      : stringAt(merged, 'storageProfile.imageReference.version');
  const completed: JsonObject = {
    vmId: stringAt(before, 'vmId') ?? context.guids.next(`machine ${id.key}`),
    timeCreated: stringAt(before, 'timeCreated') ?? context.clock.timestamp(),
    provisioningState: 'Succeeded',
    storageProfile: {
      imageReference: { exactVersion: image },
      osDisk: {
        name: diskName,
        managedDisk: {
          id: `/subscriptions/${id.subscriptionId ?? ''}/resourceGroups/${id.resourceGroup ?? ''}/providers/${DISK_TYPE}/${diskName}`,
          storageAccountType: stringAt(merged, 'storageProfile.osDisk.managedDisk.storageAccountType') ?? 'Premium_LRS',
        },
      },
    },
  };
  return {
    location,
    tags: objectAt(body, 'tags'),
    zones: at(body, 'zones') ?? at(current?.body, 'zones'),
    plan: at(body, 'plan') ?? at(current?.body, 'plan'),
    identity,
    properties: mergeJson(merged, completed),
    power: stringAt(current?.body, 'power') ?? 'running',
  };
}

function demandUnchanged(wanted: JsonObject, current: JsonObject): void {
  for (const path of CREATE_ONLY) {
    const [after, before] = [at(wanted, `properties.${path}`), at(current, `properties.${path}`)];
    if (after === undefined) continue;
    const same = isObject(after) && isObject(before) ? equalJson({ ...before, ...after }, before) : equalJson(after, before);
    if (same || (path === 'priority' && after === 'Regular' && before === undefined)) continue;
    const target = path
      .replace('storageProfile.imageReference', 'imageReference')
      .replace('osProfile.linuxConfiguration', 'linuxConfiguration');
    throw new ArmError(409, 'PropertyChangeNotAllowed', `Changing property '${target}' is not allowed.`, { target });
  }
  const [after, before] = [listAt(wanted, 'zones'), listAt(current, 'zones')];
  if (at(wanted, 'zones') !== undefined && !equalJson(after, before)) {
    throw new ArmError(409, 'PropertyChangeNotAllowed', "Changing property 'zones' is not allowed.", { target: 'zones' });
  }
}

function networkInterfaces(properties: JsonObject): readonly string[] {
  const ids = listAt(properties, 'networkProfile.networkInterfaces').map((nic) => text(nic, 'id'));
  if (ids.length > 0) return ids;
  throw new ArmError(400, 'InvalidParameter', 'Virtual machine must have at least one network interface.', { target: 'networkProfile' });
}

function demandFree(nic: StoredResource, machine: ResourceId): void {
  const other = stringAt(nic.body, 'properties.virtualMachine.id');
  if (other === undefined || other.toLowerCase() === machine.key) return;
  throw new ArmError(400, 'NicInUse', `Network Interface ${nic.id.id} is used by existing resource ${other}.`);
}

/** The operating system's disk comes with the machine, and has the machine's tags. */
function settle({ id, body }: StoredResource, { store, clock, guids }: ArmContext): void {
  const disk = stringAt(body, 'properties.storageProfile.osDisk.managedDisk.id');
  if (disk === undefined || store.get(disk) !== undefined) return;
  const sku = stringAt(body, 'properties.storageProfile.osDisk.managedDisk.storageAccountType') ?? 'Premium_LRS';
  const diskId = resourceId(disk);
  store.set({
    id: diskId,
    createdAt: clock.now(),
    provisioned: true,
    body: {
      location: stringAt(body, 'location') ?? '',
      tags: objectAt(body, 'tags'),
      sku: { name: sku, tier: sku.split('_')[0] },
      managedBy: id.id,
      properties: {
        osType: 'Linux',
        creationData: { createOption: 'FromImage' },
        diskSizeGB: at(body, 'properties.storageProfile.osDisk.diskSizeGB') ?? 30,
        uniqueId: guids.next(`disk ${diskId.key}`),
        timeCreated: clock.timestamp(),
        diskState: 'Attached',
        networkAccessPolicy: 'AllowAll',
        provisioningState: 'Succeeded',
      },
    },
  });
  store.announce('created', diskId);
}

/** An instance that is deleted is one less that its scale set is to have; one that is evicted is not. */
function remove(machine: StoredResource, context: ArmContext): void {
  release(machine, context);
  const scaleSet = stringAt(machine.body, 'properties.virtualMachineScaleSet.id');
  if (scaleSet === undefined || provisioningState(machine.body) === 'Deleting') return;
  context.store.update(scaleSet, (body) => {
    const capacity = at(body, 'sku.capacity');
    return typeof capacity === 'number' ? withValue(body, 'sku.capacity', Math.max(0, capacity - 1)) : body;
  });
}

/** What belonged to the machine is free again, or goes with it when it was asked to. */
function release({ id, body }: StoredResource, { store }: ArmContext): void {
  const deleted = (value: Json): boolean =>
    stringAt(value, 'deleteOption') === 'Delete' || stringAt(value, 'properties.deleteOption') === 'Delete';
  for (const nic of listAt(body, 'properties.networkProfile.networkInterfaces')) {
    const nicId = stringAt(nic, 'id') ?? '';
    if (deleted(nic)) store.delete(nicId);
    else store.update(nicId, (stored) => withValue(stored, 'properties.virtualMachine', undefined));
  }
  const osDisk = objectAt(body, 'properties.storageProfile.osDisk');
  for (const disk of store.ofType(DISK_TYPE).filter((candidate) => stringAt(candidate.body, 'managedBy')?.toLowerCase() === id.key)) {
    if (deleted(osDisk)) store.delete(disk.id.id);
    else store.update(disk.id.id, (stored) => withValue(withValue(stored, 'managedBy', undefined), 'properties.diskState', 'Unattached'));
  }
}

/** Starting and stopping takes this long. */
const POWER_SECONDS = 20;

function power(machine: StoredResource, state: string, { store }: ArmContext): ActionResult {
  return { seconds: POWER_SECONDS, done: () => store.update(machine.id.id, (body) => ({ ...body, power: state })) };
}

/** Takes back the capacity of a Spot machine, as the platform does. @throws {ArmError} */
export function evict(machine: StoredResource, context: ArmContext): ActionResult {
  if (!isSpot(machine.body)) {
    throw new ArmError(409, 'OperationNotAllowed', `The operation 'simulateEviction' is only allowed on Azure Spot Virtual Machines.`);
  }
  if (stringAt(machine.body, 'properties.evictionPolicy') === 'Delete') {
    release(machine, context);
    context.store.delete(machine.id.id);
  } else {
    context.store.update(machine.id.id, (body) => ({ ...body, power: 'deallocated' }));
  }
  return {};
}

/** What `instanceView` shows: whether the machine runs. */
export function instanceView(machine: StoredResource): JsonObject {
  const state = stringAt(machine.body, 'power') ?? 'running';
  const provisioning = (stringAt(machine.body, 'properties.provisioningState') ?? '').toLowerCase();
  return {
    vmAgent: { vmAgentVersion: 'Unknown', statuses: [] },
    statuses: [
      { code: `ProvisioningState/${provisioning}`, level: 'Info', displayStatus: `Provisioning ${provisioning}` },
      { code: `PowerState/${state}`, level: 'Info', displayStatus: `VM ${state}` },
    ],
  };
}
