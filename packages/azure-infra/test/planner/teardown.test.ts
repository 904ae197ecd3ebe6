import { describe, expect, it } from 'vitest';
import { deletionsOf, inventoryState, isEmpty, takeInventory, tearDown } from '../../src/index.ts';
import { SUBSCRIPTION } from '../graph/environment-under-test.ts';
import { openAzure, textAt, UNTIL_ABORTED, type Azure } from './azure.ts';

const GROUP = `/subscriptions/${SUBSCRIPTION}/resourceGroups/warpdrive-forge-rg`;
const ENVIRONMENT = 'warpdrive-forge';

function names({ fake }: Azure): string[] {
  // The owner's role on the subscription is not part of it.
  const inScope = (resource: unknown): boolean =>
    textAt(resource, 'type') !== 'Microsoft.Authorization/roleAssignments' ||
    textAt(resource, 'properties', 'scope').includes('/containers/');
  return fake
    .resources()
    .filter(inScope)
    .map((resource) => textAt(resource, 'name'))
    .sort();
}

describe('a teardown', () => {
  it('deletes rights first and then the group with all that is in it, and leaves nothing', async () => {
    const azure = await openAzure();
    await azure.deploy(azure.environment());
    const inventory = await takeInventory(azure.manager, ENVIRONMENT, azure.signal);
    expect(inventory.roleAssignments).toHaveLength(4);
    expect(inventory.groups.map(({ name }) => name)).toEqual(['warpdrive-forge-rg']);
    expect(deletionsOf(inventory).map(({ type }) => type)).toEqual([
      ...Array<string>(4).fill('Microsoft.Authorization/roleAssignments'),
      'Microsoft.Resources/resourceGroups',
    ]);
    const before = azure.fake.log.length;
    await tearDown(azure.manager, inventory, { signal: azure.signal });
    expect(azure.writes(before).at(-1)?.toLowerCase()).toBe(`delete ${GROUP.toLowerCase()}`);
    expect(names(azure)).toEqual([]);
    expect(isEmpty(await takeInventory(azure.manager, ENVIRONMENT, azure.signal))).toBe(true);
  });

  it('touches nothing of other environments', async () => {
    const azure = await openAzure();
    await azure.deploy(azure.environment({ WARPFORGE_ENVIRONMENT: 'other', RESOURCE_GROUP: 'other-rg', VM_NAME: 'other-vm' }));
    const before = names(azure);
    await azure.deploy(azure.environment());
    await tearDown(azure.manager, await takeInventory(azure.manager, ENVIRONMENT, azure.signal), { signal: azure.signal });
    expect(names(azure)).toEqual(before);
  });

  it('leaves what others have made, and their group, and takes the OS disk along, which has no tag', async () => {
    const azure = await openAzure();
    const graph = azure.environment();
    await azure.deploy(graph);
    const disk = azure.fake.resources('Microsoft.Compute/disks')[0];
    azure.fake.change(textAt(disk, 'id'), ({ tags: _tags, ...body }) => body);
    const theirs = `${GROUP}/providers/Microsoft.Storage/storageAccounts/theirs`;
    azure.fake.place(theirs, { location: 'canadacentral', kind: 'StorageV2', properties: { provisioningState: 'Succeeded' } });
    const inventory = await takeInventory(azure.manager, ENVIRONMENT, azure.signal);
    expect(inventory.groups).toEqual([]);
    expect(inventory.sharedGroups.map(({ group, foreign }) => [group.name, foreign.map(({ name }) => name)])).toEqual([
      ['warpdrive-forge-rg', ['theirs']],
    ]);
    expect(inventory.resources.map(({ name }) => name)).toContain('warpdrive-forge-vm-os');
    await tearDown(azure.manager, inventory, { signal: azure.signal });
    expect(names(azure)).toEqual(['theirs', 'warpdrive-forge-rg']);
  });

  it('deletes from a group that is not the environment’s what is its own', async () => {
    const azure = await openAzure();
    azure.fake.place(GROUP, { location: 'canadacentral', tags: { owner: 'somebody' }, properties: { provisioningState: 'Succeeded' } });
    await azure.deploy(azure.environment({}, { ownsGroup: false }));
    await tearDown(azure.manager, await takeInventory(azure.manager, ENVIRONMENT, azure.signal), { signal: azure.signal });
    expect(names(azure)).toEqual(['warpdrive-forge-rg']);
  });

  it('goes on where something cannot be deleted, lists it, and is complete the next time', async () => {
    const azure = await openAzure();
    azure.fake.place(GROUP, { location: 'canadacentral', properties: { provisioningState: 'Succeeded' } });
    await azure.deploy(azure.environment({}, { ownsGroup: false }));
    azure.fake.faults.inject({
      match: { method: 'DELETE', type: 'Microsoft.Storage/storageAccounts', path: /wdforgea/ },
      times: 1,
      status: 409,
      code: 'ScopeLocked',
      message: 'The scope is locked.',
    });
    const failed = tearDown(azure.manager, await takeInventory(azure.manager, ENVIRONMENT, azure.signal), { signal: azure.signal });
    await expect(failed).rejects.toMatchObject({
      code: 'INFRA_INCOMPLETE',
      message: expect.stringMatching(
        /^1 of \d+ could not be deleted:\n {2}wdforgea\w+ \(Microsoft.Storage\/storageAccounts\): .*ScopeLocked/,
      ) as string,
    });
    expect(azure.fake.resources('Microsoft.Storage/storageAccounts')).toHaveLength(1);
    await tearDown(azure.manager, await takeInventory(azure.manager, ENVIRONMENT, azure.signal), { signal: azure.signal });
    expect(names(azure)).toEqual(['warpdrive-forge-rg']);
  });

  it('refuses while a deployment runs, which would make again what is deleted', async () => {
    const azure = await openAzure();
    const abort = new AbortController();
    const work = azure.deploy(azure.environment(), {
      signal: abort.signal,
      clock: UNTIL_ABORTED,
      listener: { operation: () => abort.abort(new Error('Ctrl-C')) },
    });
    await expect(work).rejects.toThrow('Ctrl-C');
    const before = azure.fake.log.length;
    const inventory = await takeInventory(azure.manager, ENVIRONMENT, azure.signal);
    await expect(tearDown(azure.manager, inventory, { signal: azure.signal })).rejects.toMatchObject({ code: 'INFRA_DEPLOYMENT_ACTIVE' });
    expect(azure.writes(before)).toEqual([]);
  });
});

describe('the state of what exists', () => {
  it('is asked of each resource, and of a VM whether it runs', async () => {
    const azure = await openAzure();
    await azure.deploy(azure.environment());
    const inventory = await takeInventory(azure.manager, ENVIRONMENT, azure.signal);
    const states = await inventoryState(azure.manager, inventory, azure.signal);
    expect(Object.fromEntries(states.map(({ resource, state }) => [resource.name, state]))).toMatchObject({
      'warpdrive-forge-rg': 'Succeeded',
      'warpdrive-forge-vm': 'running',
      'warpdrive-forge-vm-nic': 'Succeeded',
    });
  });
});
