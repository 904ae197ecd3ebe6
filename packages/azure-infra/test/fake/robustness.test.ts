import fc from 'fast-check';
import { expect, it } from 'vitest';
import { at, isList, isObject, withValue, type Json, type JsonObject } from '../../src/testing/arm/json.ts';
import { deploy, fakeWithGroup, GROUP, requestFor, send } from './fake-requests.ts';
import { machine, network, readerOf, storage, template } from './environment-template.ts';
import { identity, scaleSet } from './scale-set-template.ts';

const links: readonly JsonObject[] = [
  {
    type: 'Microsoft.Network/publicIPAddresses',
    apiVersion: '2024-05-01',
    name: 'nat-ip',
    location: 'eastus',
    sku: { name: 'Standard' },
    properties: { publicIPAllocationMethod: 'Static' },
  },
  {
    type: 'Microsoft.Network/natGateways',
    apiVersion: '2024-05-01',
    name: 'nat',
    location: 'eastus',
    sku: { name: 'Standard' },
    properties: { publicIpAddresses: [{ id: "[resourceId('Microsoft.Network/publicIPAddresses', 'nat-ip')]" }] },
    dependsOn: ['nat-ip'],
  },
  {
    type: 'Microsoft.Network/virtualNetworks',
    apiVersion: '2024-05-01',
    name: 'far',
    location: 'westus3',
    properties: { addressSpace: { addressPrefixes: ['10.22.0.0/16'] } },
  },
  {
    type: 'Microsoft.Network/virtualNetworks/virtualNetworkPeerings',
    apiVersion: '2024-05-01',
    name: 'vnet/to-far',
    properties: {
      allowVirtualNetworkAccess: true,
      remoteVirtualNetwork: { id: `${GROUP}/providers/Microsoft.Network/virtualNetworks/far` },
    },
    dependsOn: ['vnet', 'far'],
  },
];
const role: JsonObject = {
  type: 'Microsoft.Authorization/roleDefinitions',
  apiVersion: '2022-04-01',
  name: 'dddddddd-0000-4000-8000-000000000001',
  properties: {
    roleName: 'Scaler',
    permissions: [{ actions: ['Microsoft.Compute/virtualMachineScaleSets/write'], dataActions: [] }],
    assignableScopes: [GROUP],
  },
};
const everything: readonly JsonObject[] = [
  ...[...network, machine, ...storage('accounta'), readerOf('accounta'), ...links, role],
  ...[identity('workers'), withValue(scaleSet, 'sku.capacity', 2)],
];
const parameters = { parameters: { principal: { type: 'string', defaultValue: 'bbbbbbbb-0000-4000-8000-000000000000' } } };

/** All places in a value. */
function places(value: Json, path: readonly string[] = []): readonly (readonly string[])[] {
  const inner = isList(value)
    ? value.flatMap((item, index) => places(item, [...path, String(index)]))
    : isObject(value)
      ? Object.entries(value).flatMap(([name, item]) => places(item ?? null, [...path, name]))
      : [];
  return [path, ...inner];
}

function replaced(value: Json, [step, ...rest]: readonly string[], by: Json): Json {
  if (step === undefined) return by;
  if (isList(value)) return value.map((item, index) => (index === Number(step) ? replaced(item, rest, by) : item));
  return isObject(value) ? { ...value, [step]: replaced(value[step] ?? null, rest, by) } : by;
}

const anything = fc.oneof(fc.jsonValue() as fc.Arbitrary<Json>, fc.constantFrom<Json>('[', "[concat('a')]", '[[a]', {}, [], null, -1));

it('answers to any template with a state or an error, and never breaks', async () => {
  const broken = fc.constantFrom(...places(everything)).chain((path) => anything.map((by) => replaced(everything, path, by)));
  await fc.assert(
    fc.asyncProperty(broken, async (resources) => {
      const fake = fakeWithGroup();
      const response = await deploy(fake, template([], { ...parameters, resources }));
      const end = at(response.json, 'properties.provisioningState') ?? at(response.json, 'error.code');
      expect(end).toEqual(expect.any(String));
      await send(fake, 'POST', `${GROUP}/providers/Microsoft.Resources/deployments/main/whatIf?api-version=2022-09-01`, {
        body: { properties: { mode: 'Incremental', template: template([], { ...parameters, resources }) } },
      });
      fake.clock.advance(60);
    }),
    { numRuns: 150, examples: [[replaced(everything, ['1', 'type'], '/')]] },
  );
});

/** Types and names alternate in the path of a request. */
function pathOf(id: string): string {
  return id
    .replace('accounta/default/data', 'accounta/blobServices/default/containers/data')
    .replace('virtualNetworkPeerings/vnet/', 'vnet/virtualNetworkPeerings/');
}

it('answers to any body of any resource', async () => {
  const requests = fc.constantFrom(...everything).chain((resource) => {
    const request = requestFor(resource);
    return fc
      .constantFrom(...places(request.body))
      .chain((path) => anything.map((by) => ({ ...request, body: replaced(request.body, path, by) })));
  });
  await fc.assert(
    fc.asyncProperty(
      requests,
      fc.constantFrom(['PUT'], ['PATCH'], ['POST'], ['POST', '/delete']),
      async ({ id, apiVersion, body }, [method = '', action = '']) => {
        const fake = fakeWithGroup();
        await deploy(fake, template(everything, parameters));
        const { status } = await send(fake, method, `${pathOf(id)}${action}?api-version=${apiVersion}`, { body });
        expect([200, 201, 202, 400, 403, 404, 409]).toContain(status);
        fake.clock.advance(60);
        expect((await send(fake, 'GET', `${GROUP}?api-version=2024-03-01`)).status).toBe(200);
      },
    ),
    { numRuns: 100 },
  );
});

it('answers to any path', async () => {
  const part = fc.constantFrom(
    'subscriptions',
    GROUP.slice(1),
    'providers',
    'Microsoft.Compute',
    'virtualMachines',
    'vm',
    'Microsoft.Authorization',
    'roleAssignments',
    'deployments',
    'operations',
    '%',
    '%2F',
    'é',
    '',
    '..',
  );
  const fake = fakeWithGroup();
  await fc.assert(
    fc.asyncProperty(
      fc.array(part, { maxLength: 9 }),
      fc.constantFrom('GET', 'PUT', 'POST', 'PATCH', 'DELETE', 'HEAD'),
      async (parts, method) => {
        const { status } = await send(fake, method, `/${parts.join('/')}?api-version=2022-09-01`, method === 'GET' ? {} : { body: {} });
        expect(status).toBeGreaterThanOrEqual(200);
      },
    ),
    { numRuns: 500 },
  );
});
