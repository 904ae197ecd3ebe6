import { objectAt, stringAt } from '../arm/json.ts';
import { normalLocation } from '../arm/resource-service.ts';
import type { ResourceType } from '../arm/resource-type.ts';
import { text } from './body.ts';

/** Identities that exist by themselves and are assigned to machines. Their principal is new to the directory, and goes with them. */
export const USER_ASSIGNED_IDENTITY: ResourceType = {
  type: 'Microsoft.ManagedIdentity/userAssignedIdentities',
  apiVersions: ['2018-11-30', '2023-01-31', '2024-11-30'],
  tracked: true,
  naming: {
    pattern: /^[A-Za-z0-9][\w-]{2,127}$/,
    rule: 'it must have 3 to 128 letters, digits, - and _, and begin with a letter or digit.',
  },
  put: { polling: 'none', createSeconds: 0, updateSeconds: 0 },
  delete: { polling: 'none', seconds: 0 },
  build: ({ id, body, current }, context) => {
    const principalId = stringAt(current?.body, 'properties.principalId') ?? context.guids.next(`principal of ${id.key}`);
    if (current === undefined) context.directory.add({ objectId: principalId, type: 'ServicePrincipal', name: id.name }, false);
    return {
      location: normalLocation(text(body, 'location')),
      tags: objectAt(body, 'tags'),
      properties: {
        tenantId: context.tenantId,
        principalId,
        clientId: stringAt(current?.body, 'properties.clientId') ?? context.guids.next(`client of ${id.key}`),
        isolationScope: 'None',
      },
    };
  },
  gone: ({ body }, { directory }) => directory.remove(stringAt(body, 'properties.principalId') ?? ''),
  readOnly: ['tenantId', 'principalId', 'clientId'].map((name) => `properties.${name}`),
  whatIfIgnores: ['tenantId', 'principalId', 'clientId', 'isolationScope'].map((name) => `properties.${name}`),
};
