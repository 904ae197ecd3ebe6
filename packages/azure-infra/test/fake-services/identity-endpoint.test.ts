import { ManagedIdentityCredential } from '@azure/identity';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { makeCertificate, type Certificate } from '../../src/testing/certificate.ts';
import { listenerOf, startHttpsServer, type HttpsServer } from '../../src/testing/https-server.ts';
import { identityEndpoint, type ManagedIdentity, type UserAssignedIdentity } from '../../src/testing/identity-endpoint.ts';
import { readToken } from '../../src/testing/tokens.ts';
import { httpsRequest } from './https-request.ts';
import { printToken } from './print-token.ts';

const TENANT = 'ab1f708d-50f6-404c-a006-d71b2ac7a606';
const STORAGE = 'https://storage.azure.com/.default';

describe('identity endpoint', () => {
  let certificate: Certificate;
  let server: HttpsServer;
  let identity: ManagedIdentity | undefined;
  let assigned: readonly UserAssignedIdentity[] = [];
  beforeAll(async () => {
    certificate = await makeCertificate();
    const handler = identityEndpoint({ tenantId: TENANT, header: 'open sesame', identity: () => identity, userAssigned: () => assigned });
    server = await startHttpsServer({ certificate, listener: listenerOf(handler) });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await certificate[Symbol.asyncDispose]();
  });
  afterEach(() => {
    vi.unstubAllEnvs();
    assigned = [];
  });

  const environment = (): Record<string, string> => ({ IDENTITY_ENDPOINT: `${server.url}/msi/token`, IDENTITY_HEADER: 'open sesame' });
  const credential = (options: { clientId?: string; resourceId?: string } = {}): ManagedIdentityCredential => {
    for (const [name, value] of Object.entries(environment())) vi.stubEnv(name, value);
    const { resourceId, clientId } = options;
    const which = resourceId === undefined ? (clientId === undefined ? {} : { clientId }) : { resourceId };
    return new ManagedIdentityCredential({ ...which, tlsOptions: { ca: certificate.cert }, retryOptions: { maxRetries: 0 } });
  };

  it('gives the machine’s token to the real managed identity credential', async () => {
    identity = { objectId: 'd8c95a5e-2d3d-4b37-9d0a-2b6f1f7f0001', clientId: 'd8c95a5e-2d3d-4b37-9d0a-2b6f1f7f0002' };
    const { token, expiresOnTimestamp } = await credential().getToken(STORAGE);
    expect(readToken(`Bearer ${token}`)).toMatchObject({
      objectId: identity.objectId,
      kind: 'app',
      tenantId: TENANT,
      audience: 'https://storage.azure.com',
      name: identity.clientId,
      expiresAt: new Date(expiresOnTimestamp),
    });
  });

  it('gives it to the default credential of another process', async () => {
    identity = { objectId: 'd8c95a5e-2d3d-4b37-9d0a-2b6f1f7f0003' };
    const token = await printToken(STORAGE, {
      ...environment(),
      AZURE_TOKEN_CREDENTIALS: 'ManagedIdentityCredential',
      NODE_EXTRA_CA_CERTS: certificate.certificateFile,
    });
    expect(readToken(`Bearer ${token}`)?.objectId).toBe(identity.objectId);
  });

  it('has no token while the machine has no identity, or another one than asked for', async () => {
    // The library keeps tokens for the whole process, but not those for another service.
    const MANAGEMENT = 'https://management.azure.com/.default';
    identity = undefined;
    await expect(credential().getToken(MANAGEMENT)).rejects.toThrow(/no managed identity found: the machine does not exist or has none/);
    identity = { objectId: 'd8c95a5e-2d3d-4b37-9d0a-2b6f1f7f0004' };
    await expect(credential({ clientId: TENANT }).getToken(MANAGEMENT)).rejects.toThrow(/the machine has a system-assigned one only/);
  });

  it('gives the token of a user-assigned identity, by its client id or resource id, or when there is no other', async () => {
    const [one, two] = [1, 2].map((digit) => ({
      objectId: `d8c95a5e-2d3d-4b37-9d0a-2b6f1f7f010${digit}`,
      clientId: `d8c95a5e-2d3d-4b37-9d0a-2b6f1f7f020${digit}`,
      resourceId: `/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id${digit}`,
    }));
    const scope = 'https://user-assigned.example.com/.default';
    const objectId = async (options: { clientId?: string; resourceId?: string }): Promise<string | undefined> =>
      readToken(`Bearer ${(await credential(options).getToken(scope)).token}`)?.objectId;
    identity = undefined;
    assigned = [one!, two!];
    await expect(objectId({})).rejects.toThrow(/must say which one/);
    expect(await objectId({ clientId: two!.clientId })).toBe(two!.objectId);
    expect(await objectId({ resourceId: one!.resourceId })).toBe(one!.objectId);
    await expect(objectId({ clientId: TENANT })).rejects.toThrow(/it is not one of the machine/);
    assigned = [one!];
    expect(await objectId({})).toBe(one!.objectId);
  });

  it.each([
    ['a missing header', {}, 'GET', '?resource=https://storage.azure.com&api-version=2019-08-01', 401],
    ['a wrong header', { 'X-IDENTITY-HEADER': 'open barley' }, 'GET', '?resource=https://storage.azure.com&api-version=2019-08-01', 401],
    ['another version', { 'X-IDENTITY-HEADER': 'open sesame' }, 'GET', '?resource=https://storage.azure.com&api-version=2017-09-01', 400],
    ['no resource', { 'X-IDENTITY-HEADER': 'open sesame' }, 'GET', '?api-version=2019-08-01', 400],
    ['a POST', { 'X-IDENTITY-HEADER': 'open sesame' }, 'POST', '?resource=https://storage.azure.com&api-version=2019-08-01', 405],
  ])('refuses %s', async (_, headers, method, query, status) => {
    identity = { objectId: 'd8c95a5e-2d3d-4b37-9d0a-2b6f1f7f0005' };
    const answer = await httpsRequest(`${server.url}/${query}`, { method, ca: certificate.cert, headers });
    expect(answer.status).toBe(status);
    expect(answer.body).not.toContain('access_token');
  });
});
