import { ArmError } from '../arm/arm-error.ts';
import { at, mergeJson, objectAt, stringAt } from '../arm/json.ts';
import { normalLocation } from '../arm/resource-service.ts';
import type { ResourceType } from '../arm/resource-type.ts';
import { oneOf, text } from './body.ts';

export const DISK_TYPE = 'Microsoft.Compute/disks';

/** Managed disks. */
export const DISK: ResourceType = {
  type: DISK_TYPE,
  apiVersions: ['2022-07-02', '2023-04-02', '2023-10-02', '2024-03-02', '2025-01-02', '2025-12-03', '2026-03-02'],
  tracked: true,
  put: { polling: 'location', createSeconds: 5, updateSeconds: 5 },
  delete: { polling: 'location', seconds: 5 },
  check: ({ body }) =>
    oneOf(body, 'sku.name', [
      'Standard_LRS',
      'StandardSSD_LRS',
      'Premium_LRS',
      'PremiumV2_LRS',
      'UltraSSD_LRS',
      'Premium_ZRS',
      'StandardSSD_ZRS',
    ]),
  build: ({ id, body, current }, { clock, guids }) => ({
    location: normalLocation(text(body, 'location')),
    tags: objectAt(body, 'tags'),
    sku: { name: stringAt(body, 'sku.name') ?? 'Standard_LRS', tier: (stringAt(body, 'sku.name') ?? 'Standard').split('_')[0] },
    zones: at(body, 'zones') ?? at(current?.body, 'zones'),
    managedBy: at(current?.body, 'managedBy'),
    properties: {
      ...mergeJson(
        current === undefined
          ? {
              uniqueId: guids.next(`disk ${id.key}`),
              timeCreated: clock.timestamp(),
              diskState: 'Unattached',
              networkAccessPolicy: 'AllowAll',
            }
          : objectAt(current.body, 'properties'),
        objectAt(body, 'properties'),
      ),
      provisioningState: 'Succeeded',
    },
  }),
  remove: ({ id, body }) => {
    const machine = stringAt(body, 'managedBy');
    if (machine === undefined) return;
    throw new ArmError(409, 'OperationNotAllowed', `Disk ${id.name} is attached to VM ${machine}.`);
  },
  whatIfIgnores: [
    'managedBy',
    'sku.tier',
    ...['uniqueId', 'timeCreated', 'diskState', 'networkAccessPolicy', 'provisioningState'].map((name) => `properties.${name}`),
  ],
};
