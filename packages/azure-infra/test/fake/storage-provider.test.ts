import { ResourceManagementClient } from '@azure/arm-resources';
import { DeploymentsClient } from '@azure/arm-resourcesdeployments';
import { StorageManagementClient } from '@azure/arm-storage';
import { describe, expect, it } from 'vitest';
import type { ResourceEvent } from '../../src/testing/arm/store.ts';
import { connection, deploy, FAST, fakeWithGroup, GROUP, idsInGroup } from './fake-requests.ts';
import { storage, template } from './environment-template.ts';

const clients = (...as: Parameters<typeof connection>) => ({
  resources: new ResourceManagementClient(...connection(...as)),
  deployments: new DeploymentsClient(...connection(...as)),
  storage: new StorageManagementClient(...connection(...as)),
});

const ACCOUNT = `${GROUP}/providers/Microsoft.Storage/storageAccounts/accounta`;
const wanted = { location: 'eastus', kind: 'StorageV2', sku: { name: 'Standard_LRS' } };

describe('storage accounts, by the real client', () => {
  it('are made with defaults, endpoints and services', async () => {
    const fake = fakeWithGroup({ blobEndpoint: (account) => `https://127.0.0.1:1234/${account}/` });
    const { storage: client } = clients(fake);
    const made = await client.storageAccounts.create('rg', 'accounta', { ...wanted, allowBlobPublicAccess: false }, FAST);
    expect(made).toMatchObject({
      provisioningState: 'Succeeded',
      accessTier: 'Hot',
      sku: { name: 'Standard_LRS', tier: 'Standard' },
      primaryEndpoints: { blob: 'https://127.0.0.1:1234/accounta/', queue: 'https://accounta.queue.core.windows.net/' },
      networkRuleSet: { defaultAction: 'Allow' },
    });
    expect(await client.blobServices.getServiceProperties('rg', 'accounta')).toMatchObject({ name: 'default' });
    expect(fake.storageAccountId('accounta')).toBe(ACCOUNT);
    expect(fake.storageAccountId('other')).toBeUndefined();
  });

  it('have names that nobody else has', async () => {
    const fake = fakeWithGroup({ takenAccountNames: ['taken'] });
    const { storage: client, resources } = clients(fake);
    await client.storageAccounts.create('rg', 'accounta', wanted, FAST);
    const available = async (name: string) =>
      client.storageAccounts.checkNameAvailability({ name, type: 'Microsoft.Storage/storageAccounts' });
    expect(await available('free')).toMatchObject({ nameAvailable: true });
    expect(await available('taken')).toMatchObject({ nameAvailable: false, reason: 'AlreadyExists' });
    expect(await available('accounta')).toMatchObject({ nameAvailable: false, reason: 'AlreadyExists' });
    expect(await available('No')).toMatchObject({ nameAvailable: false, reason: 'AccountNameInvalid' });
    await expect(client.storageAccounts.create('rg', 'taken', wanted, FAST)).rejects.toMatchObject({
      code: 'StorageAccountAlreadyTaken',
      statusCode: 409,
    });
    await resources.resourceGroups.createOrUpdate('other', { location: 'eastus' });
    await expect(client.storageAccounts.create('other', 'accounta', wanted, FAST)).rejects.toMatchObject({
      code: 'StorageAccountAlreadyTaken',
    });
  });

  it('change what a put or a patch states, and not what is fixed', async () => {
    const fake = fakeWithGroup();
    const { storage: client } = clients(fake);
    await client.storageAccounts.create('rg', 'accounta', { ...wanted, tags: { a: 'b' }, allowSharedKeyAccess: false }, FAST);
    expect(await client.storageAccounts.update('rg', 'accounta', { minimumTlsVersion: 'TLS1_2' })).toMatchObject({
      tags: { a: 'b' },
      allowSharedKeyAccess: false,
      minimumTlsVersion: 'TLS1_2',
    });
    const put = (more: object) => client.storageAccounts.create('rg', 'accounta', { ...wanted, ...more }, FAST);
    await expect(put({ location: 'westus3' })).rejects.toMatchObject({ code: 'InvalidResourceLocation', statusCode: 409 });
    await expect(put({ kind: 'BlobStorage' })).rejects.toMatchObject({ code: 'AccountKindCannotBeChanged' });
    await expect(put({ isHnsEnabled: true })).rejects.toMatchObject({ code: 'AccountPropertyCannotBeUpdated' });
    await expect(put({ sku: { name: 'Premium_LRS' } })).rejects.toMatchObject({ code: 'StorageAccountTypeConversionNotAllowed' });
    await expect(put({ minimumTlsVersion: 'TLS9' })).rejects.toMatchObject({ code: 'InvalidParameter' });
    expect(await put({ sku: { name: 'Standard_ZRS' } })).toMatchObject({ sku: { name: 'Standard_ZRS' }, allowSharedKeyAccess: false });
  });

  it('hold containers and queues, which are gone with them; whoever listens is told, and waited for', async () => {
    const fake = fakeWithGroup();
    const { storage: client } = clients(fake);
    const told: string[] = [];
    const stop = fake.subscribe(async ({ kind, type, name }: ResourceEvent) => {
      await Promise.resolve();
      told.push(`${kind} ${type.split('/').at(-1)!} ${name}`);
    });
    await client.storageAccounts.create('rg', 'accounta', wanted, FAST);
    await client.blobContainers.create('rg', 'accounta', 'data', {});
    expect(told).toEqual(['created storageAccounts accounta', 'created containers data']);
    await client.queue.create('rg', 'accounta', 'jobs', {});
    expect(await client.queue.get('rg', 'accounta', 'jobs')).toMatchObject({ name: 'jobs' });
    await client.queue.delete('rg', 'accounta', 'jobs');
    await expect(client.blobContainers.create('rg', 'accounta', 'Not', {})).rejects.toMatchObject({ code: 'ContainerNameInvalid' });
    await expect(client.blobContainers.create('rg', 'accounta', 'open', { publicAccess: 'Blob' })).rejects.toMatchObject({
      code: 'PublicAccessNotPermitted',
    });
    await expect(client.blobContainers.create('rg', 'none', 'data', {})).rejects.toMatchObject({
      code: 'ParentResourceNotFound',
      statusCode: 404,
    });
    await expect(client.blobContainers.get('rg', 'accounta', 'none')).rejects.toMatchObject({ code: 'ContainerNotFound' });
    told.length = 0;
    stop();
    fake.subscribe(({ kind, name }) => void told.push(`${kind} ${name}`));
    await client.storageAccounts.delete('rg', 'accounta');
    expect(told).toEqual(['deleted data', 'deleted default', 'deleted default', 'deleted accounta']);
    await client.storageAccounts.delete('rg', 'accounta');
  });

  it('go with their group, and with nothing left of it', async () => {
    const fake = fakeWithGroup();
    const { resources, deployments } = clients(fake);
    await deploy(fake, template(storage('accounta')));
    const poller = resources.resourceGroups.delete('rg', FAST);
    await poller.poll();
    await expect(resources.resourceGroups.get('rg')).resolves.toMatchObject({ properties: { provisioningState: 'Deleting' } });
    await expect(clients(fake).storage.storageAccounts.create('rg', 'more', wanted, FAST)).rejects.toMatchObject({
      code: 'ResourceGroupBeingDeleted',
      statusCode: 409,
    });
    await poller.pollUntilDone();
    expect([...idsInGroup(fake), fake.resource(GROUP)]).toEqual([undefined]);
    await expect(resources.resourceGroups.get('rg')).rejects.toMatchObject({ code: 'ResourceGroupNotFound' });
    await expect(deployments.deployments.get('rg', 'main')).rejects.toMatchObject({ statusCode: 404 });
    expect(await resources.resourceGroups.checkExistence('rg')).toMatchObject({ body: false });
    await expect(resources.resourceGroups.delete('rg', FAST)).rejects.toMatchObject({ code: 'ResourceGroupNotFound' });
  });
});
