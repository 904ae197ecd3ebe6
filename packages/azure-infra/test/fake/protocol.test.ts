import { ResourceManagementClient } from '@azure/arm-resources';
import { StorageManagementClient } from '@azure/arm-storage';
import { describe, expect, it } from 'vitest';
import { at, listAt, stringAt } from '../../src/testing/arm/json.ts';
import { DEFAULT_PRINCIPAL } from '../../src/testing/fake-resource-manager.ts';
import { issueToken } from '../../src/testing/tokens.ts';
import { connection, deploy, FAST, fakeAzure, fakeWithGroup, GROUP, send, SUBSCRIPTION, TENANT, requestFor } from './fake-requests.ts';
import { network, storage, template } from './environment-template.ts';

const clients = (...as: Parameters<typeof connection>) => ({
  resources: new ResourceManagementClient(...connection(...as)),
  storage: new StorageManagementClient(...connection(...as)),
});

const ADDRESS = `${GROUP}/providers/Microsoft.Network/publicIPAddresses/ip`;
const VERSION = '?api-version=2024-05-01';
const address = { location: 'eastus', sku: { name: 'Standard' }, properties: { publicIPAllocationMethod: 'Static' } };

const errorOf = async (...request: Parameters<typeof send>) => {
  const { status, json } = await send(...request);
  return [status, at(json, 'error.code')];
};

describe('the door', () => {
  it.each<[string, string, number, string]>([
    ['no API version', ADDRESS, 400, 'MissingApiVersionParameter'],
    ["an unknown API version of a resource's", `${ADDRESS}?api-version=2001-01-01`, 400, 'NoRegisteredProviderFound'],
    ['an unknown API version of its own', `${GROUP}?api-version=2001-01-01`, 400, 'InvalidApiVersionParameter'],
    [
      'an unknown API version of a list',
      `/subscriptions/${SUBSCRIPTION}/resources?api-version=2001-01-01`,
      400,
      'InvalidApiVersionParameter',
    ],
    ['another subscription', `/subscriptions/${TENANT}${VERSION}`, 404, 'SubscriptionNotFound'],
    [
      'a group that is not there',
      `/subscriptions/${SUBSCRIPTION}/resourceGroups/other?api-version=2024-03-01`,
      404,
      'ResourceGroupNotFound',
    ],
    ['a resource in a group that is not there', ADDRESS.replace('/rg/', '/other/') + VERSION, 404, 'ResourceGroupNotFound'],
    ['a resource that is not there', ADDRESS + VERSION, 404, 'ResourceNotFound'],
    ['an unknown type', `${GROUP}/providers/Microsoft.Network/nothing/x${VERSION}`, 404, 'InvalidResourceType'],
    ['an unknown namespace', `${GROUP}/providers/Microsoft.Nothing/a/x${VERSION}`, 404, 'InvalidResourceNamespace'],
    [
      'a deployment that is not there',
      `${GROUP}/providers/Microsoft.Resources/deployments/x?api-version=2022-09-01`,
      404,
      'DeploymentNotFound',
    ],
    ['a path that means nothing', `/nothing${VERSION}`, 404, 'NotFound'],
  ])('answers to %s', async (_what, path, status, code) => {
    expect(await errorOf(fakeWithGroup(), 'GET', path)).toEqual([status, code]);
  });

  it('demands a token that is for it, of its tenant, and still valid', async () => {
    const fake = fakeWithGroup({ wallClock: () => 1_000_000 });
    const claims = {
      objectId: DEFAULT_PRINCIPAL.objectId,
      kind: 'user',
      tenantId: TENANT,
      audience: 'https://management.azure.com',
      issuedAt: new Date(0),
      expiresAt: new Date(2_000_000),
    } as const;
    const get = async (headers: Record<string, string>) => {
      const {
        status,
        body,
        headers: answered,
      } = await fake.handle({ method: 'GET', url: `https://management.azure.com${GROUP}?api-version=2024-03-01`, headers, body: '' });
      return [status, /"code":"(\w+)"/.exec(body)?.[1], answered['www-authenticate'] !== undefined];
    };
    const bearer = (more: Partial<Parameters<typeof issueToken>[0]>) => ({ authorization: `Bearer ${issueToken({ ...claims, ...more })}` });
    expect(await get({})).toEqual([401, 'AuthenticationFailed', true]);
    expect(await get({ authorization: 'Bearer nonsense' })).toEqual([401, 'InvalidAuthenticationToken', true]);
    expect(await get(bearer({ audience: 'https://storage.azure.com' }))).toEqual([401, 'InvalidAuthenticationTokenAudience', true]);
    expect(await get(bearer({ tenantId: SUBSCRIPTION }))).toEqual([401, 'InvalidAuthenticationTokenTenant', true]);
    expect(await get(bearer({ expiresAt: new Date(1_000_000) }))).toEqual([401, 'ExpiredAuthenticationToken', true]);
    expect(await get(bearer({}))).toEqual([200, undefined, false]);
  });

  it('takes paths in any letter case and with doubled slashes, and shows ids as they were first written', async () => {
    const fake = fakeWithGroup();
    await send(fake, 'PUT', `/${GROUP}/providers/Microsoft.Network//publicIPAddresses/ip${VERSION}`, { body: address });
    const { json } = await send(fake, 'GET', ADDRESS.toUpperCase() + VERSION);
    expect(at(json, 'id')).toBe(ADDRESS);
  });

  it('refuses what is not JSON, or of another name than the URL', async () => {
    const fake = fakeWithGroup();
    const put = { method: 'PUT', url: `https://management.azure.com${ADDRESS}${VERSION}` };
    const { headers } = {
      headers: {
        authorization: `Bearer ${issueToken({ objectId: DEFAULT_PRINCIPAL.objectId, kind: 'user', tenantId: TENANT, audience: 'https://management.azure.com', issuedAt: new Date(0), expiresAt: new Date(Date.UTC(2100, 0)) })}`,
      },
    };
    for (const body of ['{', '[]'])
      expect(await fake.handle({ ...put, headers, body })).toMatchObject({
        status: 400,
        body: expect.stringContaining('InvalidRequestContent') as string,
      });
    expect(await errorOf(fake, 'PUT', ADDRESS + VERSION, { body: { ...address, name: 'other' } })).toEqual([400, 'InvalidRequestContent']);
  });

  it('keeps a log of what was asked, by whom, and how it was answered', async () => {
    const fake = fakeWithGroup();
    await send(fake, 'get', ADDRESS + VERSION);
    expect(fake.log).toEqual([
      { method: 'GET', path: ADDRESS, query: VERSION, status: 404, code: 'ResourceNotFound', caller: DEFAULT_PRINCIPAL.objectId },
    ]);
  });
});

describe('what takes time', () => {
  it('answers 201 at creation and 200 after that, and 204 to the deletion of nothing', async () => {
    const fake = fakeWithGroup();
    const first = await send(fake, 'PUT', ADDRESS + VERSION, { body: address });
    expect([first.status, at(first.json, 'properties.provisioningState')]).toEqual([201, 'Creating']);
    expect(await errorOf(fake, 'PUT', ADDRESS + VERSION, { body: address })).toEqual([409, 'AnotherOperationInProgress']);
    fake.clock.advance(10);
    expect((await send(fake, 'PUT', ADDRESS + VERSION, { body: address })).status).toBe(200);
    fake.clock.advance(10);
    expect((await send(fake, 'DELETE', ADDRESS + VERSION)).status).toBe(202);
    fake.clock.advance(10);
    expect((await send(fake, 'DELETE', ADDRESS + VERSION)).status).toBe(204);
  });

  it('is polled by a URL of its own, by one that gives the result, or by the state of the resource, all on the base that was asked', async () => {
    const fake = fakeWithGroup();
    const base = 'https://127.0.0.1:8443';
    const ask = async (method: string, url: string, body?: unknown) => {
      const response = await fake.handle({
        method,
        url,
        headers: {
          authorization: `Bearer ${issueToken({ objectId: DEFAULT_PRINCIPAL.objectId, kind: 'user', tenantId: TENANT, audience: 'https://management.azure.com', issuedAt: new Date(0), expiresAt: new Date(Date.UTC(2100, 0)) })}`,
        },
        body: body === undefined ? '' : JSON.stringify(body),
      });
      return { ...response, json: response.body === '' ? undefined : (JSON.parse(response.body) as Record<string, unknown>) };
    };
    const byOperation = await ask('PUT', base + ADDRESS + VERSION, address);
    expect(byOperation.headers).toMatchObject({
      'azure-asyncoperation': expect.stringMatching(/^https:\/\/127\.0\.0\.1:8443\/subscriptions\//) as string,
      'retry-after': '0',
    });
    expect((await ask('GET', byOperation.headers['azure-asyncoperation']!)).json?.['status']).toBe('Succeeded');

    const [account] = storage('accounta');
    const byLocation = await ask('PUT', `${base}${GROUP}/providers/Microsoft.Storage/storageAccounts/accounta?api-version=2024-01-01`, {
      location: 'eastus',
      kind: account!['kind'],
      sku: account!['sku'],
    });
    expect([byLocation.status, byLocation.body]).toEqual([202, '']);
    expect((await ask('GET', byLocation.headers['location']!)).status).toBe(202);
    expect((await ask('GET', byLocation.headers['location']!)).json).toMatchObject({ name: 'accounta' });

    const group = `${base}${GROUP}/providers/Microsoft.Network/networkSecurityGroups/nsg${VERSION}`;
    const byState = await ask('PUT', group, { location: 'eastus', properties: {} });
    expect([
      byState.headers['location'],
      byState.headers['azure-asyncoperation'],
      at(byState.json as never, 'properties.provisioningState'),
    ]).toEqual([undefined, undefined, 'Creating']);
    expect(at((await ask('GET', group)).json as never, 'properties.provisioningState')).toBe('Succeeded');
  });

  it('is followed to its end by the real client, whichever way it is polled', async () => {
    const fake = fakeWithGroup();
    const { resources } = clients(fake);
    for (const resource of [network[0]!, network[2]!, storage('accounta')[0]!]) {
      const { id, apiVersion, body } = requestFor(resource);
      const made = await resources.resources.createOrUpdateById(id, apiVersion, body, FAST);
      expect(made).toMatchObject({ id, properties: { provisioningState: 'Succeeded' } });
    }
  });

  it('fails, and is known as failed, whichever way it is polled', async () => {
    const fake = fakeWithGroup();
    const { resources } = clients(fake);
    fake.faults.failResource({}, { code: 'Broken', message: 'it broke' });
    for (const resource of [network[0]!, network[2]!, storage('accounta')[0]!]) {
      const { id, apiVersion, body } = requestFor(resource);
      await expect(resources.resources.createOrUpdateById(id, apiVersion, body, FAST)).rejects.toThrow();
      expect(stringAt(fake.resource(id), 'properties.provisioningState')).toBe('Failed');
    }
  });
});

describe('faults', () => {
  it('hit the requests that they match, as often as they are told to', async () => {
    const fake = fakeWithGroup();
    fake.faults.inject({
      match: { method: 'put', path: /publicip/i },
      times: 1,
      status: 409,
      code: 'ScopeLocked',
      message: 'locked',
      headers: { 'x-a': 'b' },
    });
    fake.faults.throttle({ type: 'Microsoft.Resources/resourceGroups' }, { times: 2, retryAfter: 7 });
    const locked = await send(fake, 'PUT', ADDRESS + VERSION, { body: address });
    expect([locked.status, locked.json, locked.headers['x-a']]).toEqual([409, { error: { code: 'ScopeLocked', message: 'locked' } }, 'b']);
    expect((await send(fake, 'PUT', ADDRESS + VERSION, { body: address })).status).toBe(201);
    const throttled = await send(fake, 'GET', `${GROUP}?api-version=2024-03-01`);
    expect([throttled.status, throttled.headers['retry-after'], at(throttled.json, 'error.code')]).toEqual([429, '7', 'TooManyRequests']);
    fake.faults.clear();
    expect((await send(fake, 'GET', `${GROUP}?api-version=2024-03-01`)).status).toBe(200);
    fake.faults.deny({ method: 'DELETE' });
    expect(await errorOf(fake, 'DELETE', ADDRESS + VERSION)).toEqual([403, 'RequestDisallowedByPolicy']);
  });
});

describe('lists', () => {
  it('come in pages', async () => {
    const fake = fakeWithGroup({ pageSize: 2 });
    await deploy(fake, template([...network, ...storage('accounta')]));
    const { resources } = clients(fake);
    expect((await Array.fromAsync(resources.resources.list())).map(({ name }) => name)).toEqual(['nsg', 'ip', 'accounta', 'vnet', 'nic']);
    expect(fake.log.filter(({ path }) => path.endsWith('/resources'))).toHaveLength(3);
  });

  it('of resources and groups are filtered by tag, type and group', async () => {
    const fake = fakeWithGroup();
    const { resources } = clients(fake);
    await resources.resourceGroups.createOrUpdate('tagged', { location: 'eastus', tags: { env: 'x' } });
    await deploy(fake, template(network));
    const names = async (filter: string) => (await Array.fromAsync(resources.resources.list({ filter }))).map(({ name }) => name);
    expect(await names("tagName eq 'warpforge-env' and tagValue eq 'test'")).toHaveLength(4);
    expect(await names("tagName eq 'warpforge-env' and tagValue eq 'other'")).toEqual([]);
    expect(await names("resourceType eq 'microsoft.network/virtualNetworks'")).toEqual(['vnet']);
    expect(await names("resourceGroup eq 'tagged'")).toEqual([]);
    expect(
      (await Array.fromAsync(resources.resourceGroups.list({ filter: "tagName eq 'env' and tagValue eq 'x'" }))).map(({ name }) => name),
    ).toEqual(['tagged']);
    expect(await errorOf(fake, 'GET', `/subscriptions/${SUBSCRIPTION}/resources?api-version=2024-03-01&$filter=name gt 'a'`)).toEqual([
      400,
      'InvalidFilterInQueryString',
    ]);
  });

  it('show what stands below a resource or in a group', async () => {
    const fake = fakeWithGroup();
    await deploy(fake, template([...network, ...storage('accounta')]));
    const { storage: accounts } = clients(fake);
    expect((await Array.fromAsync(accounts.storageAccounts.listByResourceGroup('rg'))).map(({ name }) => name)).toEqual(['accounta']);
    expect((await Array.fromAsync(accounts.blobContainers.list('rg', 'accounta'))).map(({ name }) => name)).toEqual(['data']);
    const subnets = await send(fake, 'GET', `${GROUP}/providers/Microsoft.Network/virtualNetworks/vnet/subnets${VERSION}`);
    expect(listAt(subnets.json, 'value').map((subnet) => at(subnet, 'name'))).toEqual(['default']);
    expect(await errorOf(fake, 'GET', `${GROUP}/providers/Microsoft.Network/virtualNetworks/none/subnets${VERSION}`)).toEqual([
      404,
      'ResourceNotFound',
    ]);
  });

  it('show subscriptions, tenants, regions and providers', async () => {
    const fake = fakeAzure();
    const { resources } = clients(fake);
    const names = async (path: string, member: string) =>
      listAt((await send(fake, 'GET', `${path}?api-version=2022-12-01`)).json, 'value').map((item) => at(item, member));
    expect(await names('/subscriptions', 'subscriptionId')).toEqual([SUBSCRIPTION]);
    expect(await names('/tenants', 'tenantId')).toEqual([TENANT]);
    expect(await names(`/subscriptions/${SUBSCRIPTION}/locations`, 'name')).toContain('canadacentral');
    expect((await send(fake, 'GET', `/subscriptions/${SUBSCRIPTION}?api-version=2022-12-01`)).json).toMatchObject({
      tenantId: TENANT,
      state: 'Enabled',
    });
    expect(await resources.providers.get('Microsoft.Compute')).toMatchObject({ registrationState: 'Registered' });
    expect((await Array.fromAsync(resources.providers.list())).map(({ namespace }) => namespace)).toContain('Microsoft.Storage');
  });
});
