import { DEFAULT_PRINCIPAL, FakeResourceManager, type FakeResourceManagerOptions } from '../../src/testing/fake-resource-manager.ts';
import { parseJson, stringAt, without, type Json, type JsonObject } from '../../src/testing/arm/json.ts';
import type { HttpResponse } from '../../src/testing/http.ts';
import { issueToken } from '../../src/testing/tokens.ts';

export const SUBSCRIPTION = '11111111-2222-4333-8444-555555555555';
export const TENANT = '99999999-8888-4777-8666-555555555555';
export const GROUP = `/subscriptions/${SUBSCRIPTION}/resourceGroups/rg`;

/** The clients wait two seconds between polls unless told otherwise: they don't take `Retry-After: 0` for an answer. */
export const FAST = { updateIntervalInMs: 1 };

const NEXT_CENTURY = Date.UTC(2100, 0, 1);

export function fakeAzure(options: Partial<FakeResourceManagerOptions> = {}) {
  return new FakeResourceManager({ subscriptionId: SUBSCRIPTION, tenantId: TENANT, ...options });
}

export function tokenOf(objectId: string, audience = 'https://management.azure.com') {
  return issueToken({ objectId, kind: 'user', tenantId: TENANT, audience, issuedAt: new Date(0), expiresAt: new Date(NEXT_CENTURY) });
}

/** What the constructors of the real SDK's clients take, so that they talk to the fake as the principal. */
export function connection(fake: FakeResourceManager, objectId = DEFAULT_PRINCIPAL.objectId) {
  const credential = { getToken: () => Promise.resolve({ token: tokenOf(objectId), expiresOnTimestamp: NEXT_CENTURY }) };
  return [credential, SUBSCRIPTION, { httpClient: fake.client(), retryOptions: { maxRetries: 0 } }] as const;
}

/** A request without any client: the body comes back as what it says. */
export async function send(
  fake: FakeResourceManager,
  method: string,
  path: string,
  {
    body,
    objectId = DEFAULT_PRINCIPAL.objectId,
    headers = {},
  }: { body?: unknown; objectId?: string; headers?: Record<string, string> } = {},
): Promise<HttpResponse & { json: Json }> {
  const response = await fake.handle({
    method,
    url: `https://management.azure.com${path}`,
    headers: { authorization: `Bearer ${tokenOf(objectId)}`, ...headers },
    body: body === undefined ? '' : JSON.stringify(body),
  });
  return { ...response, json: response.body === '' ? null : parseJson(response.body) };
}

/** Deploys at the scope of a group and waits until it is over. @returns the answer to a GET then, or to the PUT when it is refused. */
export async function deploy(
  fake: FakeResourceManager,
  template: JsonObject,
  { name = 'main', parameters = {}, scope = GROUP }: { name?: string; parameters?: JsonObject; scope?: string } = {},
) {
  const path = `${scope}/providers/Microsoft.Resources/deployments/${name}?api-version=2022-09-01`;
  const location = scope === GROUP ? {} : { location: 'eastus' };
  const begun = await send(fake, 'PUT', path, { body: { ...location, properties: { mode: 'Incremental', template, parameters } } });
  if (begun.status >= 400) return begun;
  for (;;) {
    const response = await send(fake, 'GET', path);
    if (!['Accepted', 'Running'].includes(stringAt(response.json, 'properties.provisioningState') ?? '')) return response;
  }
}

/** A fake with a resource group. */
export function fakeWithGroup(options: Partial<FakeResourceManagerOptions> = {}) {
  const fake = fakeAzure(options);
  fake.place(GROUP, { location: 'eastus', tags: {}, properties: { provisioningState: 'Succeeded' } });
  return fake;
}

export const SSH_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0000000000000000000000000000000000000000000 test';

/** Ids of what is in the group. */
export function idsInGroup(fake: FakeResourceManager): readonly string[] {
  return fake
    .resources()
    .map((resource) => stringAt(resource, 'id') ?? '')
    .filter((id) => id.startsWith(`${GROUP}/`));
}

/** A resource of a template as a request of its own: where to, by which version, and what. */
export function requestFor(resource: JsonObject) {
  const [type = '', name = '', apiVersion = ''] = ['type', 'name', 'apiVersion'].map((member) => stringAt(resource, member));
  return {
    id: `${GROUP}/providers/${type}/${name}`,
    type,
    name,
    apiVersion,
    body: without(resource, ['type', 'name', 'apiVersion', 'dependsOn']),
  };
}
