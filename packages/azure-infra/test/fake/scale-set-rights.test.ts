import { ComputeManagementClient } from '@azure/arm-compute';
import { describe, expect, it } from 'vitest';
import { at, stringAt, type JsonObject } from '../../src/testing/arm/json.ts';
import { DEFAULT_PRINCIPAL } from '../../src/testing/fake-resource-manager.ts';
import { network, template } from './environment-template.ts';
import { connection, deploy, FAST, fakeWithGroup, GROUP, send, SUBSCRIPTION } from './fake-requests.ts';
import { identity, scaleSet, SCALE_SET, WORKERS_IDENTITY } from './scale-set-template.ts';

const MANAGER = `${GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/manager`;
const ROLE = 'cccccccc-0000-4000-8000-000000000001';
const ROLE_ID = `/subscriptions/${SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/${ROLE}`;
const MANAGER_ACTIONS = [
  'Microsoft.Compute/virtualMachineScaleSets/read',
  'Microsoft.Compute/virtualMachineScaleSets/write',
  'Microsoft.Compute/virtualMachineScaleSets/delete/action',
  'Microsoft.Compute/virtualMachines/read',
  'Microsoft.Compute/virtualMachines/write',
  'Microsoft.Network/virtualNetworks/subnets/join/action',
  'Microsoft.ManagedIdentity/userAssignedIdentities/*/assign/action',
];

/** A role of the group, as a template makes it. */
function role(actions: readonly string[]): JsonObject {
  return {
    type: 'Microsoft.Authorization/roleDefinitions',
    apiVersion: '2022-04-01',
    name: ROLE,
    properties: {
      roleName: 'Scaler of the test',
      type: 'CustomRole',
      permissions: [{ actions, notActions: [], dataActions: [], notDataActions: [] }],
      assignableScopes: [GROUP],
    },
  };
}

const assignment: JsonObject = {
  type: 'Microsoft.Authorization/roleAssignments',
  apiVersion: '2022-04-01',
  name: 'cccccccc-0000-4000-8000-000000000002',
  dependsOn: [
    `[resourceId('Microsoft.Authorization/roleDefinitions', '${ROLE}')]`,
    `[resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', 'manager')]`,
  ],
  properties: {
    roleDefinitionId: ROLE_ID,
    principalId: "[reference(resourceId('Microsoft.ManagedIdentity/userAssignedIdentities', 'manager'), '2023-01-31').principalId]",
    principalType: 'ServicePrincipal',
  },
};

/** The compute client of the manager's identity, which has a custom role with these actions on the group. */
async function manager(actions: readonly string[]) {
  const fake = fakeWithGroup();
  const resources = [...network, identity('workers'), identity('manager'), scaleSet, role(actions), assignment];
  const done = await deploy(fake, template(resources));
  expect(stringAt(done.json, 'properties.provisioningState'), JSON.stringify(done.json)).toBe('Succeeded');
  fake.clock.advance(60);
  const principal = stringAt(fake.resource(MANAGER), 'properties.principalId') ?? '';
  const { virtualMachineScaleSets, virtualMachines } = new ComputeManagementClient(...connection(fake, principal));
  const machines = async () => {
    const names = [];
    for await (const vm of virtualMachines.list('rg', { filter: `'virtualMachineScaleSet/id' eq '${SCALE_SET}'` }))
      names.push(vm.name ?? '');
    return names;
  };
  /** Without the client, which keeps what a refused list says to itself. */
  const list = async () => {
    const path = `${GROUP}/providers/Microsoft.Compute/virtualMachines?api-version=2024-07-01`;
    const { status, json } = await send(fake, 'GET', path, { objectId: principal });
    throw Object.assign(new Error(stringAt(json, 'error.message')), { statusCode: status, code: stringAt(json, 'error.code') });
  };
  return {
    list,
    read: () => virtualMachineScaleSets.get('rg', 'workers'),
    raise: (capacity: number) => virtualMachineScaleSets.update('rg', 'workers', { sku: { capacity } }, FAST),
    machines,
    deleteInstance: (name: string) => virtualMachineScaleSets.deleteInstances('rg', 'workers', { instanceIds: [name] }, FAST),
    delete: () => virtualMachineScaleSets.delete('rg', 'workers', FAST),
    deleteMachine: (name: string) => virtualMachines.delete('rg', name, FAST),
  };
}

it('a scale set of a template takes the right to use what it refers to', async () => {
  const person = 'aaaaaaaa-1111-4000-8000-000000000001';
  const roles = ['Virtual Machine Contributor'];
  const fake = fakeWithGroup({ principals: [DEFAULT_PRINCIPAL, { objectId: person, type: 'User', roles }] });
  await deploy(fake, template([...network, identity('workers')]));
  const path = `${GROUP}/providers/Microsoft.Resources/deployments/theirs?api-version=2022-09-01`;
  const properties = { mode: 'Incremental', template: template([{ ...scaleSet, dependsOn: [] }]) };
  await send(fake, 'PUT', path, { body: { properties }, objectId: person });
  fake.clock.advance(60);
  const { json } = await send(fake, 'GET', path, { objectId: person });
  expect(at(json, 'properties.error.details.0')).toMatchObject({
    code: 'LinkedAuthorizationFailed',
    message: expect.stringContaining('userAssignedIdentities/assign/action') as string,
  });
});

describe('a custom role of the group', () => {
  it('lets an identity scale, and do nothing else', async () => {
    const scaler = await manager(MANAGER_ACTIONS);
    await scaler.read();
    await scaler.raise(2);
    const [first = '', second = ''] = await scaler.machines();
    await scaler.deleteInstance(first);
    expect(await scaler.machines()).toEqual([second]);
    await expect(scaler.delete()).rejects.toMatchObject({ code: 'AuthorizationFailed' });
    await expect(scaler.deleteMachine(second)).rejects.toMatchObject({ code: 'AuthorizationFailed' });
    await scaler.raise(0);
    expect(await scaler.machines()).toEqual([]);
  });

  it('can be assigned within the group only', async () => {
    const fake = fakeWithGroup();
    await deploy(fake, template([role(MANAGER_ACTIONS)]));
    const path = `/subscriptions/${SUBSCRIPTION}/providers/Microsoft.Authorization/roleAssignments/cccccccc-0000-4000-8000-000000000003`;
    const properties = {
      roleDefinitionId: ROLE_ID,
      principalId: 'cccccccc-0000-4000-8000-000000000004',
      principalType: 'ServicePrincipal',
    };
    const refused = await send(fake, 'PUT', `${path}?api-version=2022-04-01`, { body: { properties } });
    expect([refused.status, at(refused.json, 'error.code')]).toEqual([400, 'RoleDefinitionDoesNotExist']);
  });

  it.each<[string, (scaler: Awaited<ReturnType<typeof manager>>) => Promise<unknown>, string, string]>([
    ['Microsoft.Compute/virtualMachineScaleSets/read', ({ read }) => read(), 'AuthorizationFailed', SCALE_SET],
    ['Microsoft.Compute/virtualMachineScaleSets/write', ({ raise }) => raise(1), 'AuthorizationFailed', SCALE_SET],
    [
      'Microsoft.Compute/virtualMachineScaleSets/delete/action',
      ({ deleteInstance }) => deleteInstance('x'),
      'AuthorizationFailed',
      SCALE_SET,
    ],
    ['Microsoft.Compute/virtualMachines/read', ({ list }) => list(), 'AuthorizationFailed', GROUP],
    ['Microsoft.Compute/virtualMachines/write', ({ raise }) => raise(1), 'LinkedAuthorizationFailed', GROUP],
    [
      'Microsoft.Network/virtualNetworks/subnets/join/action',
      ({ raise }) => raise(0),
      'LinkedAuthorizationFailed',
      `${GROUP}/providers/Microsoft.Network/virtualNetworks/vnet/subnets/default`,
    ],
    [
      'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action',
      ({ raise }) => raise(0),
      'LinkedAuthorizationFailed',
      WORKERS_IDENTITY,
    ],
  ])('without %s is told so', async (action, act, code, scope) => {
    const scaler = await manager(MANAGER_ACTIONS.filter((other) => other.replace('*/', '') !== action));
    await expect(act(scaler)).rejects.toMatchObject({ statusCode: 403, code });
    await expect(act(scaler)).rejects.toThrow(`action '${action}'`);
    await expect(act(scaler)).rejects.toThrow(`'${scope}'`);
  });
});
