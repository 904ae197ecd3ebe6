import type { TemplateObject } from '../template/expression.ts';

/** What a VM and an instance of a scale set are told alike. */
export interface MachineProfile {
  /** `publisher:offer:sku:version`. */
  readonly image: string;
  readonly adminUser: string;
  /** One line as in a `.pub` file. */
  readonly sshPublicKey: string;
  /** Cloud-init user data, as text. Holds no secret: every process on the machine can read it. */
  readonly customData: string;
  readonly spot: boolean;
}

/** Spot or not, and what becomes of a machine whose capacity is taken back. */
export function priorityOf(spot: boolean, evictionPolicy: 'Deallocate' | 'Delete'): TemplateObject {
  // A price of -1 means up to that of a regular VM, so that only a lack of capacity ends it.
  return spot ? { priority: 'Spot', evictionPolicy, billingProfile: { maxPrice: -1 } } : { priority: 'Regular' };
}

/** The image, by its parts. */
export function imageReference(image: string): TemplateObject {
  const [publisher = '', offer = '', sku = '', version = ''] = image.split(':');
  return { publisher, offer, sku, version };
}

/** A disk that is made from the image and goes with its machine. */
export function osDisk(sizeGib: number): TemplateObject {
  return {
    createOption: 'FromImage',
    caching: 'ReadWrite',
    diskSizeGB: sizeGib,
    deleteOption: 'Delete',
    managedDisk: { storageAccountType: 'StandardSSD_LRS' },
  };
}

/** Signs in by SSH key only. */
export function osProfile({ adminUser, sshPublicKey, customData }: MachineProfile): TemplateObject {
  return {
    adminUsername: adminUser,
    customData: Buffer.from(customData).toString('base64'),
    linuxConfiguration: {
      disablePasswordAuthentication: true,
      ssh: { publicKeys: [{ path: `/home/${adminUser}/.ssh/authorized_keys`, keyData: sshPublicKey }] },
    },
  };
}

/** One identity that exists by itself, by its id. */
export function userAssigned(identityId: string): TemplateObject {
  return { type: 'UserAssigned', userAssignedIdentities: { [identityId]: {} } };
}
