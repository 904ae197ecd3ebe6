import { createHash } from 'node:crypto';
import { objectAt, stringAt } from './arm/json.ts';
import type { FakeResourceManager } from './fake-resource-manager.ts';
import type { HttpHandler } from './http.ts';
import { identityEndpoint, type ManagedIdentity, type UserAssignedIdentity } from './identity-endpoint.ts';

/** Path that the identity endpoints of machines begin with. */
export const MACHINES_PREFIX = '/msi/machines';

/** Who asks for tokens of machines, and what for. */
export interface MachineIdentitiesOptions {
  readonly tenantId: string;
  readonly manager: FakeResourceManager;
  /** What the headers of machines are made of, so that no machine can guess another one's. */
  readonly secret: string;
}

/** An identity endpoint for every machine of the subscription, at `/msi/machines/ID/token`: it has the identities of its machine. */
export function machineIdentityEndpoints({ tenantId, manager, secret }: MachineIdentitiesOptions): HttpHandler {
  return (request) => {
    const id = decodeURI(new URL(request.url).pathname)
      .slice(MACHINES_PREFIX.length)
      .replace(/\/token$/, '');
    const endpoint = identityEndpoint({
      tenantId,
      header: headerOf(secret, id),
      identity: () => systemAssigned(manager, id),
      userAssigned: () => userAssigned(manager, id),
    });
    return endpoint(request);
  };
}

/** Variables by which `@azure/identity` finds the endpoint of a machine. */
export function machineIdentityVariables(base: string, secret: string, machineId: string): Readonly<Record<string, string>> {
  return {
    IDENTITY_ENDPOINT: encodeURI(`${base}${MACHINES_PREFIX}${machineId}/token`),
    IDENTITY_HEADER: headerOf(secret, machineId),
  };
}

function headerOf(secret: string, machineId: string): string {
  return createHash('sha256').update(`${secret} ${machineId.toLowerCase()}`).digest('hex');
}

function systemAssigned(manager: FakeResourceManager, machineId: string): ManagedIdentity | undefined {
  const objectId = stringAt(manager.resource(machineId), 'identity.principalId');
  return objectId === undefined ? undefined : { objectId };
}

function userAssigned(manager: FakeResourceManager, machineId: string): readonly UserAssignedIdentity[] {
  const identities = objectAt(manager.resource(machineId)?.['identity'], 'userAssignedIdentities');
  return Object.entries(identities).flatMap(([resourceId, identity]) => {
    const [objectId, clientId] = [stringAt(identity, 'principalId'), stringAt(identity, 'clientId')];
    return objectId === undefined || clientId === undefined ? [] : [{ resourceId, objectId, clientId }];
  });
}
