import { AuthorizationManagementClient } from '@azure/arm-authorization';
import { ResourceManagementClient } from '@azure/arm-resources';
import { StorageManagementClient } from '@azure/arm-storage';
import { describe, expect, it } from 'vitest';
import { at, listAt, stringAt } from '../../src/testing/arm/json.ts';
import { DEFAULT_PRINCIPAL } from '../../src/testing/fake-resource-manager.ts';
import { connection, deploy, FAST, fakeWithGroup, GROUP, send, SUBSCRIPTION } from './fake-requests.ts';
import { readerOf, storage, template } from './environment-template.ts';

const clients = (...as: Parameters<typeof connection>) => ({
  resources: new ResourceManagementClient(...connection(...as)),
  authorization: new AuthorizationManagementClient(...connection(...as)),
  storage: new StorageManagementClient(...connection(...as)),
});

const READER = '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1';
const CONTRIBUTOR = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe';
const PERSON = 'aaaaaaaa-1111-4000-8000-000000000001';
const STRANGER = 'aaaaaaaa-1111-4000-8000-000000000002';
const name = (digit: number) => `cccccccc-0000-4000-8000-00000000000${digit}`;
const roleId = (role: string) => `/subscriptions/${SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/${role}`;

const READ_BLOBS = 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read';
const WRITE_BLOBS = 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write';
const ACCOUNT = `${GROUP}/providers/Microsoft.Storage/storageAccounts/accounta`;
const CONTAINER = `${ACCOUNT}/blobServices/default/containers/data`;

const person = (role?: string) => ({ objectId: PERSON, type: 'User' as const, ...(role === undefined ? {} : { roles: [role] }) });

describe('the rights of the caller', () => {
  it('of a Contributor cover everything but role assignments', async () => {
    const fake = fakeWithGroup({ principals: [DEFAULT_PRINCIPAL, person('Contributor')] });
    const { resources, authorization } = clients(fake, PERSON);
    await resources.resourceGroups.createOrUpdate('mine', { location: 'eastus' });
    const refused = authorization.roleAssignments.create(GROUP, name(1), { roleDefinitionId: roleId(READER), principalId: PERSON });
    await expect(refused).rejects.toMatchObject({
      statusCode: 403,
      code: 'AuthorizationFailed',
      message: expect.stringContaining(
        `The client '${PERSON}' with object id '${PERSON}' does not have authorization to perform action 'Microsoft.Authorization/roleAssignments/write' ` +
          `over scope '${GROUP}/providers/Microsoft.Authorization/roleAssignments/${name(1)}' or the scope is invalid.`,
      ) as string,
    });
  });

  it('are looked at for each resource of a template before anything is deployed', async () => {
    const fake = fakeWithGroup({ principals: [DEFAULT_PRINCIPAL, person('Contributor')] });
    const body = template([...storage('accounta'), { ...readerOf('accounta'), dependsOn: ['accounta/default/data'] }], {
      parameters: { principal: { type: 'string', defaultValue: PERSON } },
    });
    const response = await send(fake, 'POST', `${GROUP}/providers/Microsoft.Resources/deployments/main/validate?api-version=2022-09-01`, {
      objectId: PERSON,
      body: { properties: { mode: 'Incremental', template: body } },
    });
    expect([response.status, at(response.json, 'error.code')]).toEqual([403, 'InvalidTemplateDeployment']);
    expect(at(response.json, 'error.message')).toMatch(
      /Authorization failed for template resource .* to perform action 'Microsoft.Authorization\/roleAssignments\/write'/,
    );
  });

  it('of a Reader let it see and nothing else, and of a stranger nothing', async () => {
    const fake = fakeWithGroup({ principals: [DEFAULT_PRINCIPAL, person('Reader')] });
    const path = `${GROUP}?api-version=2024-03-01`;
    expect((await send(fake, 'GET', path, { objectId: PERSON })).status).toBe(200);
    expect((await send(fake, 'PUT', path, { objectId: PERSON, body: { location: 'eastus' } })).status).toBe(403);
    expect((await send(fake, 'GET', path, { objectId: STRANGER })).status).toBe(403);
    expect(await Array.fromAsync(clients(fake, STRANGER).resources.resourceGroups.list())).toEqual([]);
    expect(listAt((await send(fake, 'GET', '/subscriptions?api-version=2022-12-01', { objectId: STRANGER })).json, 'value')).toEqual([]);
  });

  it('reach no further than the scope of their assignment', async () => {
    const fake = fakeWithGroup({
      principals: [DEFAULT_PRINCIPAL, { objectId: PERSON, type: 'User', roles: [{ role: 'Contributor', scope: GROUP }] }],
    });
    const { resources } = clients(fake, PERSON);
    await expect(resources.resourceGroups.createOrUpdate('other', { location: 'eastus' })).rejects.toMatchObject({
      code: 'AuthorizationFailed',
    });
    await resources.resourceGroups.createOrUpdate('rg', { location: 'eastus', tags: { a: 'b' } });
    await expect(resources.resourceGroups.createOrUpdate('rg', { location: 'westus3' })).rejects.toMatchObject({
      code: 'InvalidResourceGroupLocation',
      statusCode: 409,
    });
  });

  it('are listed as permissions', async () => {
    const fake = fakeWithGroup({ principals: [DEFAULT_PRINCIPAL, person('Contributor')] });
    const permissions = async (objectId: string) =>
      Array.fromAsync(clients(fake, objectId).authorization.permissions.listForResourceGroup('rg'));
    expect(await permissions(PERSON)).toMatchObject([
      { actions: ['*'], notActions: expect.arrayContaining(['Microsoft.Authorization/*/Write']) as string[] },
    ]);
    expect(await permissions(STRANGER)).toEqual([]);
  });

  it('take effect when they have propagated', async () => {
    const fake = fakeWithGroup({ principals: [DEFAULT_PRINCIPAL, person()], rolePropagationSeconds: 30 });
    await clients(fake).authorization.roleAssignments.create(GROUP, name(1), {
      roleDefinitionId: roleId('acdd72a7-3385-48ef-bd42-f606fba81ae7'),
      principalId: PERSON,
    });
    const path = `${GROUP}?api-version=2024-03-01`;
    expect((await send(fake, 'GET', path, { objectId: PERSON })).status).toBe(403);
    fake.clock.advance(30);
    expect((await send(fake, 'GET', path, { objectId: PERSON })).status).toBe(200);
  });
});

describe('role assignments', () => {
  const assign = (fake: ReturnType<typeof fakeWithGroup>, scope: string, digit: number, principalId = PERSON, role = READER, more = {}) =>
    clients(fake).authorization.roleAssignments.create(scope, name(digit), { roleDefinitionId: roleId(role), principalId, ...more });
  const withPerson = (options = {}) => fakeWithGroup({ principals: [DEFAULT_PRINCIPAL, person()], ...options });

  it('are the same when written again, and unique for scope, principal and role', async () => {
    const fake = withPerson();
    const made = await assign(fake, GROUP, 1);
    expect(made).toMatchObject({
      principalType: 'User',
      scope: GROUP,
      roleDefinitionId: roleId(READER),
      createdBy: DEFAULT_PRINCIPAL.objectId,
    });
    expect(await assign(fake, GROUP, 1)).toEqual(made);
    await expect(assign(fake, GROUP, 2)).rejects.toMatchObject({
      statusCode: 409,
      code: 'RoleAssignmentExists',
      message: expect.stringContaining(name(1).replaceAll('-', '')) as string,
    });
    await expect(assign(fake, GROUP, 1, PERSON, CONTRIBUTOR)).rejects.toMatchObject({
      statusCode: 400,
      code: 'RoleAssignmentUpdateNotPermitted',
    });
    await expect(assign(fake, `/subscriptions/${SUBSCRIPTION}`, 1)).rejects.toMatchObject({ code: 'RoleAssignmentUpdateNotPermitted' });
    await assign(fake, GROUP, 3, PERSON, CONTRIBUTOR);
  });

  it('need a role, a principal and a scope that exist, and a GUID for a name', async () => {
    const fake = withPerson({ directoryReplicationSeconds: 60 });
    await expect(assign(fake, GROUP, 1, PERSON, name(9))).rejects.toMatchObject({ code: 'RoleDefinitionDoesNotExist' });
    await expect(assign(fake, GROUP, 1, STRANGER)).rejects.toMatchObject({ statusCode: 400, code: 'PrincipalNotFound' });
    await expect(assign(fake, GROUP, 1, 'nobody')).rejects.toMatchObject({ code: 'InvalidPrincipalId' });
    await expect(assign(fake, GROUP, 1, PERSON, READER, { principalType: 'ServicePrincipal' })).rejects.toMatchObject({
      code: 'UnmatchedPrincipalType',
    });
    await expect(assign(fake, CONTAINER, 1)).rejects.toMatchObject({ statusCode: 404, code: 'ResourceNotFound' });
    await expect(
      clients(fake).authorization.roleAssignments.create(GROUP, 'x', { roleDefinitionId: roleId(READER), principalId: PERSON }),
    ).rejects.toMatchObject({ code: 'InvalidRoleAssignmentId' });
    await assign(fake, GROUP, 2, STRANGER, READER, { principalType: 'ServicePrincipal' });
  });

  it('of a new identity need its type until the directory knows it', async () => {
    const fake = withPerson({ directoryReplicationSeconds: 60 });
    const identity = {
      type: 'Microsoft.ManagedIdentity/userAssignedIdentities',
      apiVersion: '2023-01-31',
      name: 'identity',
      location: 'eastus',
    };
    await deploy(fake, template([identity]));
    const principal = stringAt(fake.resource(`${GROUP}/providers/${identity.type}/identity`), 'properties.principalId')!;
    await expect(assign(fake, GROUP, 1, principal)).rejects.toMatchObject({ code: 'PrincipalNotFound' });
    await assign(fake, GROUP, 1, principal, READER, { principalType: 'ServicePrincipal' });
    fake.clock.advance(60);
    expect(await assign(fake, GROUP, 2, principal, CONTRIBUTOR)).toMatchObject({ principalType: 'ServicePrincipal' });
    await clients(fake).resources.resources.deleteById(`${GROUP}/providers/${identity.type}/identity`, '2023-01-31');
    await expect(assign(fake, GROUP, 3, principal, 'acdd72a7-3385-48ef-bd42-f606fba81ae7')).rejects.toMatchObject({
      code: 'PrincipalNotFound',
    });
  });

  it('are listed at a scope, around it, and within it', async () => {
    const fake = withPerson();
    await deploy(fake, template(storage('accounta')));
    await assign(fake, CONTAINER, 1);
    await assign(fake, GROUP, 2, PERSON, CONTRIBUTOR);
    const list = async (filter?: string) => {
      const all = await Array.fromAsync(
        clients(fake).authorization.roleAssignments.listForScope(ACCOUNT, filter === undefined ? {} : { filter }),
      );
      return all.map((assignment) => assignment.scope!.split('/').at(-1)).sort();
    };
    expect(await list()).toEqual([SUBSCRIPTION, 'data', 'rg']);
    expect(await list('atScope()')).toEqual([SUBSCRIPTION, 'rg']);
    expect(await list(`principalId eq '${PERSON}'`)).toEqual(['data', 'rg']);
    expect(await list(`atScope() and assignedTo('${PERSON}')`)).toEqual(['rg']);
    await expect(list("roleName eq 'x'")).rejects.toMatchObject({ code: 'UnsupportedFilter' });
  });

  it('go with their scope', async () => {
    const fake = withPerson();
    await deploy(fake, template(storage('accounta')));
    await assign(fake, CONTAINER, 1);
    await assign(fake, GROUP, 2, PERSON, CONTRIBUTOR);
    const { authorization, storage: accounts, resources } = clients(fake);
    await accounts.storageAccounts.delete('rg', 'accounta');
    await expect(authorization.roleAssignments.get(CONTAINER, name(1))).rejects.toMatchObject({ statusCode: 404 });
    await resources.resourceGroups.delete('rg', FAST);
    expect(fake.resources('Microsoft.Authorization/roleAssignments')).toHaveLength(1);
    // Deleting what is gone is no error.
    await authorization.roleAssignments.delete(GROUP, name(2));
  });

  it('give rights on data at their scope and below, when they have propagated; each refusal is a poll', async () => {
    const fake = withPerson({ rolePropagationSeconds: 30, pollSeconds: 10 });
    await deploy(fake, template(storage('accounta')));
    await assign(fake, CONTAINER, 1);
    const refusals = [];
    while (!fake.hasDataAction(PERSON, CONTAINER, READ_BLOBS)) refusals.push(fake.clock.timestamp());
    expect(refusals).toHaveLength(3);
    expect(fake.hasDataAction(PERSON, `${CONTAINER}/blobs/x`, READ_BLOBS)).toBe(true);
    expect(fake.hasDataAction(PERSON, CONTAINER, WRITE_BLOBS)).toBe(false);
    expect(fake.hasDataAction(PERSON, ACCOUNT, READ_BLOBS)).toBe(false);
    expect(fake.hasDataAction(DEFAULT_PRINCIPAL.objectId, CONTAINER, READ_BLOBS)).toBe(false);
    await clients(fake).authorization.roleAssignments.delete(CONTAINER, name(1));
    expect(fake.hasDataAction(PERSON, CONTAINER, READ_BLOBS)).toBe(false);
  });
});

describe('role definitions', () => {
  it('are built in, or custom with an effect of their own', async () => {
    const fake = fakeWithGroup({ principals: [DEFAULT_PRINCIPAL, person()] });
    const { authorization } = clients(fake);
    const found = await Array.fromAsync(authorization.roleDefinitions.list(GROUP, { filter: "roleName eq 'Storage Blob Data Reader'" }));
    expect(found).toMatchObject([{ name: READER, roleType: 'BuiltInRole', permissions: [{ dataActions: [READ_BLOBS] }] }]);
    expect(await authorization.roleDefinitions.get(GROUP, READER)).toMatchObject({ roleName: 'Storage Blob Data Reader' });
    const scope = `/subscriptions/${SUBSCRIPTION}`;
    const permissions = [{ actions: ['Microsoft.Resources/*/read'], dataActions: ['Microsoft.Storage/*'], notDataActions: [WRITE_BLOBS] }];
    await authorization.roleDefinitions.createOrUpdate(scope, name(5), { roleName: 'Mine', permissions, assignableScopes: [scope] });
    await authorization.roleAssignments.create(GROUP, name(6), { roleDefinitionId: roleId(name(5)), principalId: PERSON });
    fake.clock.advance(60);
    expect((await send(fake, 'GET', `${GROUP}?api-version=2024-03-01`, { objectId: PERSON })).status).toBe(200);
    expect([READ_BLOBS, WRITE_BLOBS].map((action) => fake.hasDataAction(PERSON, GROUP, action))).toEqual([true, false]);
    await expect(authorization.roleDefinitions.delete(scope, name(5))).rejects.toMatchObject({ code: 'RoleDefinitionHasAssignments' });
    await expect(
      authorization.roleDefinitions.createOrUpdate(scope, name(7), { roleName: 'Owner', permissions, assignableScopes: [scope] }),
    ).rejects.toMatchObject({
      code: 'RoleDefinitionWithSameNameExists',
    });
    expect(
      (await Array.fromAsync(authorization.roleDefinitions.list(GROUP, { filter: "type eq 'CustomRole'" }))).map(
        ({ roleName }) => roleName,
      ),
    ).toEqual(['Mine']);
  });
});
