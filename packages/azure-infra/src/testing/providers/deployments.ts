import type { ResourceType } from '../arm/resource-type.ts';
import { DEPLOYMENT_TYPE } from '../deployments/template-resource.ts';

/** Versions of deployments, their endpoints and nested ones alike. */
export const DEPLOYMENT_API_VERSIONS: readonly string[] = [
  ...['2020-06-01', '2020-10-01', '2021-01-01', '2021-04-01', '2022-09-01', '2023-07-01', '2024-03-01', '2024-07-01', '2024-11-01'],
  ...['2025-03-01', '2025-04-01', '2026-06-01'],
];

/** Deployments as a type that templates may name. They have routes and a store of their own, so that nothing here is ever built. */
export const DEPLOYMENT: ResourceType = {
  type: DEPLOYMENT_TYPE,
  apiVersions: DEPLOYMENT_API_VERSIONS,
  tracked: false,
  put: { polling: 'none', createSeconds: 0, updateSeconds: 0 },
  delete: { polling: 'none', seconds: 0 },
  build: ({ body }) => body,
};
