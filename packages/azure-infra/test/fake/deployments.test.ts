import { ResourceManagementClient } from '@azure/arm-resources';
import { DeploymentsClient } from '@azure/arm-resourcesdeployments';
import { describe, expect, it } from 'vitest';
import { at, listAt, stringAt, type JsonObject } from '../../src/testing/arm/json.ts';
import { connection, deploy, FAST, fakeAzure, fakeWithGroup, GROUP, send, SUBSCRIPTION } from './fake-requests.ts';
import { environment, machine, network, readerOf, storage, template } from './environment-template.ts';

const clients = (...as: Parameters<typeof connection>) => ({
  deployments: new DeploymentsClient(...connection(...as)),
  resources: new ResourceManagementClient(...connection(...as)),
});

const MAIN = `${GROUP}/providers/Microsoft.Resources/deployments/main`;
const VERSION = '?api-version=2022-09-01';

const operationsOf = async (fake: ReturnType<typeof fakeAzure>, id = MAIN) =>
  listAt((await send(fake, 'GET', `${id}/operations${VERSION}`)).json, 'value').map((operation) => [
    stringAt(operation, 'properties.targetResource.resourceName') ?? stringAt(operation, 'properties.provisioningOperation'),
    stringAt(operation, 'properties.provisioningState'),
    stringAt(operation, 'properties.statusMessage.error.code') ?? stringAt(operation, 'properties.statusCode'),
  ]);

describe('a deployment at the scope of the subscription, by the real client', () => {
  const body = { location: 'eastus', properties: { mode: 'Incremental' as const, template: environment() } };

  it('makes a group and what nested deployments put into it, with the principal of one resource as a parameter of another', async () => {
    const fake = fakeAzure();
    const { deployments, resources } = clients(fake);
    const done = await deployments.deployments.createOrUpdateAtSubscriptionScope('main', body, FAST);
    expect(done.properties?.provisioningState).toBe('Succeeded');
    expect((await Array.fromAsync(resources.resources.listByResourceGroup('rg'))).map(({ name }) => name)).toEqual([
      'nsg',
      'ip',
      'accounta',
      'vnet',
      'nic',
      'vm',
      expect.stringMatching(/^vm_disk1_/),
    ]);
    const [assignment] = fake
      .resources('Microsoft.Authorization/roleAssignments')
      .filter((assignment) => stringAt(assignment, 'id')!.includes('/containers/data/'));
    const principal = stringAt(fake.resource(`${GROUP}/providers/Microsoft.Compute/virtualMachines/vm`), 'identity.principalId');
    expect(at(assignment, 'properties.principalId')).toBe(principal);
    const nested = await deployments.deployments.get('rg', 'roles');
    expect(nested.properties?.provisioningState).toBe('Succeeded');
  });

  it('takes the same number of polls in every run', async () => {
    const run = async () => {
      const fake = fakeAzure();
      await clients(fake).deployments.deployments.createOrUpdateAtSubscriptionScope('main', body, FAST);
      return fake.log.map(({ method, path, status }) => `${method} ${path} ${status}`);
    };
    const [first, second] = [await run(), await run()];
    expect(first).toEqual(second);
    expect(first.length).toBeLessThan(15);
  });

  it('changes nothing when it is done again', async () => {
    const fake = fakeAzure();
    const { deployments } = clients(fake);
    await deployments.deployments.createOrUpdateAtSubscriptionScope('main', body, FAST);
    const before = fake.resources();
    await deployments.deployments.createOrUpdateAtSubscriptionScope('main', body, FAST);
    const settle = (state: readonly JsonObject[]) => JSON.stringify(state).replaceAll(/"lastModifiedTime":"[^"]*"/g, '');
    expect(settle(fake.resources())).toBe(settle(before));
  });

  it('needs a location, and keeps to it', async () => {
    const fake = fakeAzure();
    const path = `/subscriptions/${SUBSCRIPTION}/providers/Microsoft.Resources/deployments/main${VERSION}`;
    const put = async (location?: string) => {
      const { status, json } = await send(fake, 'PUT', path, {
        body: { ...(location === undefined ? {} : { location }), properties: { mode: 'Incremental', template: template([]) } },
      });
      return [status, at(json, 'error.code')];
    };
    expect(await put()).toEqual([400, 'LocationRequired']);
    expect(await put('eastus')).toEqual([201, undefined]);
    expect(await put('eastus')).toEqual([409, 'DeploymentActive']);
    fake.clock.advance(10);
    expect(await put('westus3')).toEqual([409, 'InvalidDeploymentLocation']);
    expect(await put('East US')).toEqual([200, undefined]);
  });

  it('refuses resources that belong into a group', async () => {
    const response = await deploy(fakeAzure(), template([storage('accounta')[0]!]), { scope: `/subscriptions/${SUBSCRIPTION}` });
    expect([response.status, at(response.json, 'error.code')]).toEqual([400, 'InvalidTemplate']);
  });
});

describe('a deployment at the scope of a group', () => {
  it('keeps strictly to dependsOn: who does not wait finds nothing', async () => {
    const fake = fakeWithGroup();
    const hasty = network.map((resource) => ({ ...resource, dependsOn: [] }));
    const done = await deploy(fake, template([...hasty, { ...machine, dependsOn: [] }]));
    expect(stringAt(done.json, 'properties.provisioningState')).toBe('Failed');
    expect(await operationsOf(fake)).toEqual([
      ['nsg', 'Succeeded', 'Created'],
      ['vnet', 'Failed', 'ReferencedResourceNotProvisioned'],
      ['ip', 'Succeeded', 'Created'],
      ['nic', 'Failed', 'InvalidResourceReference'],
      ['vm', 'Failed', 'InvalidResourceReference'],
    ]);
  });

  it('waits for what reference() names, and has its state in properties and outputs', async () => {
    const fake = fakeWithGroup();
    const tagged: JsonObject = {
      type: 'Microsoft.ManagedIdentity/userAssignedIdentities',
      apiVersion: '2023-01-31',
      name: 'identity',
      location: 'eastus',
      tags: {
        address: "[reference('ip').ipAddress]",
        all: "[reference(resourceId('Microsoft.Network/publicIPAddresses', 'ip'), '2024-05-01', 'Full').sku.name]",
      },
    };
    const outputs = {
      address: { type: 'string', value: "[reference('ip').ipAddress]" },
      hidden: { type: 'securestring', value: "[reference('ip').ipAddress]" },
      absent: { type: 'string', condition: '[false()]', value: "[reference('nowhere').x]" },
    };
    const done = await deploy(fake, template([tagged, network[2]!], { outputs }));
    expect(at(done.json, 'properties.outputs')).toEqual({
      address: { type: 'string', value: '203.0.113.10' },
      hidden: { type: 'securestring' },
    });
    expect(at(fake.resource(`${GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/identity`), 'tags')).toEqual({
      address: '203.0.113.10',
      all: 'Standard',
    });
  });

  it('gives parameters and outputs to and from nested deployments, by either scope of evaluation', async () => {
    const fake = fakeWithGroup();
    const nested = (name: string, properties: JsonObject): JsonObject => ({
      type: 'Microsoft.Resources/deployments',
      apiVersion: '2022-09-01',
      name,
      properties: { mode: 'Incremental', ...properties },
    });
    const inner = template([], {
      parameters: { who: { type: 'string' } },
      outputs: { text: { type: 'string', value: "[concat(parameters('who'), '-inner')]" } },
    });
    const outer = template([], {
      parameters: { who: { type: 'string', defaultValue: 'ignored' } },
      outputs: { text: { type: 'string', value: "[concat(parameters('who'), '-outer')]" } },
    });
    const done = await deploy(
      fake,
      template(
        [
          nested('inner', {
            expressionEvaluationOptions: { scope: 'inner' },
            parameters: { who: { value: "[toUpper(parameters('who'))]" } },
            template: inner,
          }),
          nested('outer', { template: outer }),
        ],
        {
          parameters: { who: { type: 'string' } },
          outputs: {
            both: {
              type: 'string',
              value: "[format('{0} {1}', reference('inner').outputs.text.value, reference('outer').outputs.text.value)]",
            },
          },
        },
      ),
      { parameters: { who: { value: 'main' } } },
    );
    expect(at(done.json, 'properties.outputs.both.value')).toBe('MAIN-inner main-outer');
    expect(at(done.json, 'properties.parameters')).toEqual({ who: { type: 'string', value: 'main' } });
  });

  it('writes extensions by scope, by the older spelling, and children inside their parents', async () => {
    const fake = fakeWithGroup();
    const [account, container] = storage('accounta');
    const older: JsonObject = {
      type: 'Microsoft.Storage/storageAccounts/providers/roleAssignments',
      apiVersion: '2022-04-01',
      name: 'accounta/Microsoft.Authorization/aaaaaaaa-0000-4000-8000-000000000000',
      dependsOn: ['accounta'],
      properties: { roleDefinitionId: 'acdd72a7-3385-48ef-bd42-f606fba81ae7', principalId: '0a0a0a0a-0000-4000-a000-00000000000a' },
    };
    const inside = {
      ...account,
      resources: [{ ...container, type: 'blobServices/containers', name: 'default/data', dependsOn: ['accounta'] }],
    };
    const reader = { ...readerOf('accounta'), dependsOn: ['accounta/default/data'] };
    const done = await deploy(
      fake,
      template([inside, older, reader], {
        parameters: { principal: { type: 'string', defaultValue: 'bbbbbbbb-0000-4000-8000-000000000000' } },
      }),
    );
    expect(stringAt(done.json, 'properties.provisioningState')).toBe('Succeeded');
    expect(
      fake
        .resources('Microsoft.Authorization/roleAssignments')
        .map((assignment) => stringAt(assignment, 'id')!.replace(/\/roleAssignments.*/, ''))
        .slice(1)
        .sort(),
    ).toEqual([
      `${GROUP}/providers/Microsoft.Storage/storageAccounts/accounta/blobServices/default/containers/data/providers/Microsoft.Authorization`,
      `${GROUP}/providers/Microsoft.Storage/storageAccounts/accounta/providers/Microsoft.Authorization`,
    ]);
  });

  it('fails in the middle, keeps what was done, and goes on from there', async () => {
    const fake = fakeAzure();
    fake.faults.failResource({ type: 'Microsoft.Compute/virtualMachines' }, { code: 'AllocationFailed', message: 'no capacity', times: 1 });
    const { deployments } = clients(fake);
    const body = { location: 'eastus', properties: { mode: 'Incremental' as const, template: environment() } };
    const failure = deployments.deployments.createOrUpdateAtSubscriptionScope('main', body, FAST);
    await expect(failure).rejects.toThrow(/DeploymentFailed.*At least one resource deployment operation failed/s);
    const failed = await deployments.deployments.getAtSubscriptionScope('main');
    expect(failed.properties?.error?.details).toMatchObject([
      {
        code: 'DeploymentFailed',
        details: [{ code: 'ResourceDeploymentFailure', details: [{ code: 'AllocationFailed', message: 'no capacity' }] }],
      },
    ]);
    expect(await operationsOf(fake, `/subscriptions/${SUBSCRIPTION}/providers/Microsoft.Resources/deployments/main`)).toEqual([
      ['rg', 'Succeeded', 'Created'],
      ['resources', 'Failed', 'DeploymentFailed'],
    ]);
    expect(stringAt(fake.resource(`${GROUP}/providers/Microsoft.Compute/virtualMachines/vm`), 'properties.provisioningState')).toBe(
      'Failed',
    );
    expect(fake.resource(`${GROUP}/providers/Microsoft.Network/networkInterfaces/nic`)).toBeDefined();
    const again = await deployments.deployments.createOrUpdateAtSubscriptionScope('main', body, FAST);
    expect(again.properties?.provisioningState).toBe('Succeeded');
  });

  it('is cancelled: what has begun is finished, nothing more begins, nested deployments neither', async () => {
    const fake = fakeAzure();
    const { deployments } = clients(fake);
    const poller = deployments.deployments.createOrUpdateAtSubscriptionScope(
      'main',
      { location: 'eastus', properties: { mode: 'Incremental', template: environment() } },
      FAST,
    );
    await poller.poll();
    await poller.poll();
    await deployments.deployments.cancelAtSubscriptionScope('main');
    await expect(poller.pollUntilDone()).rejects.toThrow();
    fake.clock.advance(600);
    expect((await deployments.deployments.getAtSubscriptionScope('main')).properties?.provisioningState).toBe('Canceled');
    expect((await deployments.deployments.get('rg', 'resources')).properties?.provisioningState).toBe('Canceled');
    expect(fake.resource(`${GROUP}/providers/Microsoft.Compute/virtualMachines/vm`)).toBeUndefined();
    const again = deployments.deployments.cancelAtSubscriptionScope('main');
    await expect(again).rejects.toMatchObject({ code: 'DeploymentCannotBeCancelled', statusCode: 409 });
  });

  it('is active under its name until it is over, and can be looked up, listed and forgotten', async () => {
    const fake = fakeWithGroup();
    const { deployments } = clients(fake);
    const body = { properties: { mode: 'Incremental' as const, template: template([network[2]!]) } };
    const poller = deployments.deployments.createOrUpdate('rg', 'main', body, FAST);
    await poller.poll();
    await expect(deployments.deployments.createOrUpdate('rg', 'main', body, FAST)).rejects.toMatchObject({
      code: 'DeploymentActive',
      statusCode: 409,
    });
    await poller.pollUntilDone();
    expect((await Array.fromAsync(deployments.deployments.listByResourceGroup('rg'))).map(({ name }) => name)).toEqual(['main']);
    expect(await deployments.deployments.checkExistence('rg', 'main')).toMatchObject({ body: true });
    expect(
      (await Array.fromAsync(deployments.deploymentOperations.list('rg', 'main'))).map(
        ({ properties }) => properties?.provisioningOperation,
      ),
    ).toEqual(['Create', 'EvaluateDeploymentOutput']);
    await deployments.deployments.delete('rg', 'main', FAST);
    await expect(deployments.deployments.get('rg', 'main')).rejects.toMatchObject({ code: 'DeploymentNotFound', statusCode: 404 });
  });

  it('is refused in a group that is not there', async () => {
    const response = await deploy(fakeAzure(), template([]));
    expect([response.status, at(response.json, 'error.code')]).toEqual([404, 'ResourceGroupNotFound']);
  });

  it('is validated by the real client, good or bad', async () => {
    const { deployments } = clients(fakeWithGroup());
    const properties = (resources: JsonObject[]) => ({ properties: { mode: 'Incremental' as const, template: template(resources) } });
    const good = await deployments.deployments.validate('rg', 'main', properties([network[2]!]), FAST);
    expect(good.error).toBeUndefined();
    // The client tells nothing of what was found, but hands out the answer.
    const answers: string[] = [];
    const onResponse = ({ bodyAsText }: { bodyAsText?: string | null }) => answers.push(bodyAsText ?? '');
    const bad = deployments.deployments.validate('rg', 'main', properties([{ ...network[2]!, location: 'mars' }]), { ...FAST, onResponse });
    await expect(bad).rejects.toThrow('The long-running operation has failed');
    expect(answers.join()).toContain('LocationNotAvailableForResourceType');
  });
});

describe('a resource whose creation failed', () => {
  it('is made whole by the next deployment, and only then is said to exist', async () => {
    const fake = fakeWithGroup();
    const told: string[] = [];
    fake.subscribe(({ kind, name }) => void told.push(`${kind} ${name}`));
    fake.faults.failResource({ name: /accounta|data/ }, { code: 'Broken', message: 'it broke', times: 1 });
    await deploy(fake, template(storage('accounta')));
    expect(told).toEqual([]);
    fake.faults.failResource({ name: 'data' }, { code: 'Broken', message: 'it broke', times: 1 });
    const second = await deploy(fake, template(storage('accounta')));
    expect(at(second.json, 'properties.error.details')).toEqual([{ code: 'Broken', message: 'it broke' }]);
    expect(told).toEqual(['created accounta']);
    await deploy(fake, template(storage('accounta')));
    expect(told).toEqual(['created accounta', 'updated accounta', 'created data']);
  });
});

it('has ids in the spelling of what is there, however they are asked for', async () => {
  const fake = fakeAzure();
  const { resources } = clients(fake);
  expect(await resources.resourceGroups.createOrUpdate('rg', { location: 'eastus' })).toMatchObject({ id: GROUP });
  const odd = `/subscriptions/${SUBSCRIPTION}/RESOURCEGROUPS/RG/providers/microsoft.network/publicipaddresses/IP`;
  const made = await resources.resources.createOrUpdateById(odd, '2024-05-01', { location: 'eastus', properties: {} }, FAST);
  expect(made).toMatchObject({
    id: `${GROUP}/providers/Microsoft.Network/publicIPAddresses/IP`,
    type: 'Microsoft.Network/publicIPAddresses',
  });
});
