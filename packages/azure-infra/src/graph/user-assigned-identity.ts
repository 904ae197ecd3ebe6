import type { Resource } from './resource.ts';

/** Type of an identity that exists by itself. */
export const USER_ASSIGNED_IDENTITY = 'Microsoft.ManagedIdentity/userAssignedIdentities';

/** An identity that machines are given, and that outlives them: rights are assigned once, however many machines come and go. */
export function userAssignedIdentity({
  key,
  name,
  location,
}: {
  readonly key: string;
  readonly name: string;
  readonly location: string;
}): Resource {
  return { key, type: USER_ASSIGNED_IDENTITY, apiVersion: '2023-01-31', name, location, tags: {}, properties: {}, dependsOn: [] };
}
