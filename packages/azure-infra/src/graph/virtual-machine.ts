import { resourceIdExpression } from '../template/expression.ts';
import type { Resource } from './resource.ts';

/** Type of a VM. */
export const VIRTUAL_MACHINE = 'Microsoft.Compute/virtualMachines';

/** What a VM needs to be told. */
export interface VirtualMachineOptions {
  readonly key: string;
  readonly name: string;
  readonly location: string;
  readonly size: string;
  /** `publisher:offer:sku:version`. */
  readonly image: string;
  readonly adminUser: string;
  /** One line as in a `.pub` file. */
  readonly sshPublicKey: string;
  /** Cloud-init user data, as text. Holds no secret: every process on the VM can read it. */
  readonly customData: string;
  readonly spot: boolean;
  readonly networkInterface: Resource;
}

/** The operating system, the packages and some room for logs and data sets; the smallest size of the next price step. */
const OS_DISK_GB = 64;

/** A Linux VM that signs in by SSH key only and has an identity of its own, which ends with it. */
export function virtualMachine(options: VirtualMachineOptions): Resource {
  const { key, name, location, size, adminUser, networkInterface } = options;
  const [publisher = '', offer = '', sku = '', version = ''] = options.image.split(':');
  return {
    key,
    type: VIRTUAL_MACHINE,
    apiVersion: '2024-07-01',
    name,
    location,
    tags: {},
    identity: { type: 'SystemAssigned' },
    properties: {
      hardwareProfile: { vmSize: size },
      priority: options.spot ? 'Spot' : 'Regular',
      // A price of -1 means up to that of a regular VM, so that only a lack of capacity ends it.
      ...(options.spot ? { evictionPolicy: 'Deallocate', billingProfile: { maxPrice: -1 } } : {}),
      storageProfile: {
        imageReference: { publisher, offer, sku, version },
        osDisk: {
          name: `${name}-os`,
          createOption: 'FromImage',
          caching: 'ReadWrite',
          diskSizeGB: OS_DISK_GB,
          deleteOption: 'Delete',
          managedDisk: { storageAccountType: 'StandardSSD_LRS' },
        },
      },
      osProfile: {
        computerName: name,
        adminUsername: adminUser,
        customData: Buffer.from(options.customData).toString('base64'),
        linuxConfiguration: {
          disablePasswordAuthentication: true,
          ssh: { publicKeys: [{ path: `/home/${adminUser}/.ssh/authorized_keys`, keyData: options.sshPublicKey }] },
        },
      },
      networkProfile: {
        networkInterfaces: [
          {
            id: resourceIdExpression(networkInterface.type, networkInterface.name),
            properties: { primary: true, deleteOption: 'Detach' },
          },
        ],
      },
    },
    dependsOn: [networkInterface.key],
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
