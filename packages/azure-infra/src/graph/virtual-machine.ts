import { resourceIdExpression } from '../template/expression.ts';
import { imageReference, osDisk, osProfile, priorityOf, userAssigned, type MachineProfile } from './machine-profile.ts';
import type { Resource } from './resource.ts';

/** Type of a VM. */
export const VIRTUAL_MACHINE = 'Microsoft.Compute/virtualMachines';

/** What a VM needs to be told. */
export interface VirtualMachineOptions extends MachineProfile {
  readonly key: string;
  readonly name: string;
  readonly location: string;
  readonly size: string;
  readonly networkInterface: Resource;
  /** An identity that exists by itself. Default: one of the VM's own, which ends with it. */
  readonly identity?: { readonly key: string; readonly id: string };
}

/** The operating system, the packages and some room for logs and data sets; the smallest size of the next price step. */
const OS_DISK_GB = 64;

/** A Linux VM that signs in by SSH key only. */
export function virtualMachine(options: VirtualMachineOptions): Resource {
  const { key, name, location, size, networkInterface, identity } = options;
  return {
    key,
    type: VIRTUAL_MACHINE,
    apiVersion: '2024-07-01',
    name,
    location,
    tags: {},
    identity: identity === undefined ? { type: 'SystemAssigned' } : userAssigned(identity.id),
    properties: {
      hardwareProfile: { vmSize: size },
      ...priorityOf(options.spot, 'Deallocate'),
      storageProfile: { imageReference: imageReference(options.image), osDisk: { name: `${name}-os`, ...osDisk(OS_DISK_GB) } },
      osProfile: { computerName: name, ...osProfile(options) },
      networkProfile: {
        networkInterfaces: [
          {
            id: resourceIdExpression(networkInterface.type, networkInterface.name),
            properties: { primary: true, deleteOption: 'Detach' },
          },
        ],
      },
    },
    dependsOn: [networkInterface.key, ...(identity === undefined ? [] : [identity.key])],
    createOnly: [
      'location',
      'properties.priority',
      'properties.storageProfile.imageReference',
      'properties.storageProfile.osDisk.name',
      'properties.osProfile.computerName',
      'properties.osProfile.adminUsername',
      'properties.osProfile.customData',
      'properties.osProfile.linuxConfiguration',
    ],
    writeOnly: ['properties.osProfile.customData'],
  };
}
