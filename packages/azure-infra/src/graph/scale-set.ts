import { imageReference, osDisk, osProfile, priorityOf, userAssigned, type MachineProfile } from './machine-profile.ts';
import { subnetId } from './network.ts';
import type { Resource } from './resource.ts';

/** Type of a scale set. */
export const SCALE_SET = 'Microsoft.Compute/virtualMachineScaleSets';

/** What a scale set needs to be told. */
export interface ScaleSetOptions extends MachineProfile {
  readonly key: string;
  readonly name: string;
  readonly location: string;
  readonly size: string;
  readonly network: Resource;
  readonly subnet: string;
  readonly identity: { readonly key: string; readonly id: string };
}

/** Ubuntu's image has 30 GiB; instances keep nothing. */
const OS_DISK_GB = 32;
/** The first that knows flexible orchestration; the service demands that it is stated. */
const NETWORK_API_VERSION = '2020-11-01';

/**
 * A flexible scale set of machines that are alike and have no public address. It is made empty; how many instances it has afterwards is
 * the business of the program that they work for. What is evicted is deleted with its disk, so that it costs nothing.
 */
export function virtualMachineScaleSet(options: ScaleSetOptions): Resource {
  const { key, name, location, size, network, subnet, identity } = options;
  return {
    key,
    type: SCALE_SET,
    apiVersion: '2024-07-01',
    name,
    location,
    tags: {},
    sku: { name: size, tier: 'Standard', capacity: 0 },
    identity: userAssigned(identity.id),
    properties: {
      orchestrationMode: 'Flexible',
      platformFaultDomainCount: 1,
      virtualMachineProfile: {
        ...priorityOf(options.spot, 'Delete'),
        storageProfile: { imageReference: imageReference(options.image), osDisk: osDisk(OS_DISK_GB) },
        osProfile: { computerNamePrefix: name, ...osProfile(options) },
        networkProfile: {
          networkApiVersion: NETWORK_API_VERSION,
          networkInterfaceConfigurations: [
            {
              name: `${name}-nic`,
              properties: {
                primary: true,
                deleteOption: 'Delete',
                ipConfigurations: [{ name: 'primary', properties: { primary: true, subnet: { id: subnetId(network, subnet) } } }],
              },
            },
          ],
        },
      },
    },
    dependsOn: [network.key, identity.key],
    createOnly: [
      'location',
      'properties.orchestrationMode',
      'properties.platformFaultDomainCount',
      'properties.virtualMachineProfile.priority',
      'properties.virtualMachineProfile.evictionPolicy',
      'properties.virtualMachineProfile.osProfile.adminUsername',
      'properties.virtualMachineProfile.osProfile.computerNamePrefix',
    ],
    writeOnly: ['properties.virtualMachineProfile.osProfile.customData'],
    capacityIsNotOurs: true,
  };
}
