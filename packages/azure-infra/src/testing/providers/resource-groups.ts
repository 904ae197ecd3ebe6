import { at, objectAt } from '../arm/json.ts';
import { GROUP_TYPE } from '../arm/resource-id.ts';
import { normalLocation } from '../arm/resource-service.ts';
import type { ResourceType } from '../arm/resource-type.ts';
import { text } from './body.ts';

/** Versions of the endpoints of Resource Manager itself: subscriptions, groups, lists of resources, tags. */
export const RESOURCES_API_VERSIONS: readonly string[] = [
  '2016-06-01',
  '2019-10-01',
  '2020-01-01',
  '2020-06-01',
  '2020-10-01',
  '2021-01-01',
  '2021-04-01',
  '2022-01-01',
  '2022-09-01',
  '2022-12-01',
  '2023-07-01',
  '2024-03-01',
  '2024-07-01',
  '2024-11-01',
  '2025-03-01',
  '2025-04-01',
];

/** Resource groups. Creating is immediate; deleting takes a minute and takes everything in it along. */
export const RESOURCE_GROUP: ResourceType = {
  type: GROUP_TYPE,
  apiVersions: RESOURCES_API_VERSIONS,
  tracked: true,
  naming: {
    pattern: /^[\p{L}\p{N}_.()-]{0,89}[\p{L}\p{N}_()-]$/u,
    rule: 'it may have up to 90 letters, digits, ._()- and must not end with a period.',
    code: 'InvalidResourceGroup',
  },
  put: { polling: 'none', createSeconds: 0, updateSeconds: 0 },
  delete: { polling: 'location', seconds: 60 },
  build: ({ body, current }) => ({
    location: normalLocation(text(body, 'location')),
    tags: objectAt(body, 'tags'),
    managedBy: at(body, 'managedBy') ?? at(current?.body, 'managedBy'),
    properties: { provisioningState: 'Succeeded' },
  }),
  readOnly: ['properties.provisioningState'],
  whatIfIgnores: ['properties.provisioningState'],
};
