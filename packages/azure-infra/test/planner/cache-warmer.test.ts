import { describe, expect, it } from 'vitest';
import {
  applyPlan,
  askCacheWarmerOutputs,
  hasChanges,
  takeInventory,
  tearDown,
  isEmpty,
  type ResourceGraph,
  checkBeforeDeployment,
  preflightInput,
} from '../../src/index.ts';
import { CACHE_WARMER_FACTS } from '../environment/cache-warmer-under-test.ts';
import { settings } from '../graph/environment-under-test.ts';
import { doings, IMPATIENT, openAzure, textAt, type Azure } from './azure.ts';

const SET = 'Microsoft.Compute/virtualMachineScaleSets';
const VM = 'Microsoft.Compute/virtualMachines';
const ENVIRONMENT = 'warpdrive-forge-cachewarmer';

const workersOf = ({ fake }: Azure): string[] =>
  fake
    .resources(VM)
    .map((vm) => textAt(vm, 'name'))
    .filter((name) => name.startsWith('cw-workers_'))
    .sort();
const capacityOf = ({ fake }: Azure): unknown => (fake.resources(SET)[0]?.['sku'] as { capacity?: number } | undefined)?.capacity;

describe('a CacheWarmer', () => {
  it.each([{}, { CACHEWARMER_FILER: 'true' }])('is created, told of, and then planned again as no change (%j)', async (variables) => {
    const azure = await openAzure();
    const graph = azure.cacheWarmer(variables);
    const plan = await azure.deploy(graph);
    expect(plan.changes.every(({ action }) => action === 'create')).toBe(true);
    const outputs = await askCacheWarmerOutputs(
      azure.manager,
      graph,
      { settings: settings(variables), storageNames: CACHE_WARMER_FACTS.storageNames },
      azure.signal,
    );
    expect(outputs).toMatchObject({
      queuePrefix: 'cw',
      controller: { name: 'cw-controller', address: expect.stringMatching(/^203\.0\.113\./) as string },
      scaleSet: { id: graph.idOf('scale-set') },
      storage: { records: 'cwrecords' },
      filer: 'CACHEWARMER_FILER' in variables ? { address: expect.stringMatching(/^10\./) as string } : null,
    });
    const before = azure.fake.log.length;
    const again = await azure.deploy(graph);
    expect(doings(again)).toEqual([]);
    expect(again.changes.some(({ note }) => note !== undefined)).toBe(false);
    expect(azure.writes(before)).toEqual([]);
  });

  it('is left alone by a further run while workers run, even when other things change', async () => {
    const azure = await openAzure();
    await azure.deploy(azure.cacheWarmer());
    await azure.raise(azure.cacheWarmer(), 3);
    const workers = workersOf(azure);
    expect(workers).toHaveLength(3);
    expect(hasChanges(await azure.deploy(azure.cacheWarmer()))).toBe(false);
    const open = azure.cacheWarmer({}, { sshSources: ['198.51.100.0/24'] });
    expect(doings(await azure.deploy(open))).toEqual(['change Microsoft.Network/networkSecurityGroups cw-controller-nsg']);
    expect(capacityOf(azure)).toBe(3);
    // A change of the scale set itself asks for as many as there are.
    const larger = azure.cacheWarmer({ CACHEWARMER_WORKER_SIZE: 'Standard_D4s_v5' }, { sshSources: ['198.51.100.0/24'] });
    const plan = await azure.deploy(larger);
    expect(doings(plan)).toEqual([`change ${SET} cw-workers`]);
    expect(plan.changes.flatMap(({ differences }) => differences)).toEqual([
      { path: 'sku.name', before: 'Standard_D2s_v5', after: 'Standard_D4s_v5' },
    ]);
    expect(capacityOf(azure)).toBe(3);
    expect(textAt(azure.fake.resources(SET)[0], 'sku', 'name')).toBe('Standard_D4s_v5');
    expect(workersOf(azure)).toEqual(workers);
    expect(hasChanges(await azure.deploy(larger))).toBe(false);
  });

  it('keeps workers that come between the plan and the deployment', async () => {
    const azure = await openAzure();
    await azure.deploy(azure.cacheWarmer());
    const plan = await azure.plan(azure.cacheWarmer({}, { sshSources: ['198.51.100.0/24'] }));
    await azure.raise(azure.cacheWarmer(), 2);
    await applyPlan(azure.manager, plan, { signal: azure.signal, allowReplace: false, clock: IMPATIENT });
    expect(workersOf(azure)).toHaveLength(2);
    expect(capacityOf(azure)).toBe(2);
  });

  it('and the environment for training do not touch each other', async () => {
    const azure = await openAzure();
    await azure.deploy(azure.environment());
    await azure.deploy(azure.cacheWarmer());
    expect(doings(await azure.plan(azure.environment()))).toEqual([]);
    await tearDown(azure.manager, await takeInventory(azure.manager, ENVIRONMENT, azure.signal), { signal: azure.signal });
    expect(doings(await azure.plan(azure.environment()))).toEqual([]);
    expect(azure.fake.resources(VM).map((vm) => textAt(vm, 'name'))).toEqual(['warpdrive-forge-vm']);
  });

  it('is torn down with its workers and its roles, and leaves nothing', async () => {
    const azure = await openAzure();
    const before = azure.fake.resources().length;
    const graph = azure.cacheWarmer({ CACHEWARMER_FILER: 'true' });
    await azure.deploy(graph);
    await azure.raise(graph, 2);
    const inventory = await takeInventory(azure.manager, ENVIRONMENT, azure.signal);
    expect(inventory.roleAssignments).toHaveLength(11);
    expect(inventory.roleDefinitions.map(({ name }) => name)).toEqual([
      'Warpforge CacheWarmer manager',
      'Warpforge CacheWarmer queue user',
    ]);
    await tearDown(azure.manager, inventory, { signal: azure.signal });
    expect(azure.fake.resources()).toHaveLength(before);
    expect(isEmpty(await takeInventory(azure.manager, ENVIRONMENT, azure.signal))).toBe(true);
  });

  it('goes from a group that is another’s, and takes nothing else along', async () => {
    const azure = await openAzure();
    const group = '/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/warpdrive-forge-rg-cachewarmer';
    azure.fake.place(group, { location: 'canadacentral', tags: { owner: 'somebody' }, properties: { provisioningState: 'Succeeded' } });
    const before = azure.fake.resources().length;
    const graph = azure.cacheWarmer({}, { ownsGroup: false });
    await azure.deploy(graph);
    await azure.raise(graph, 2);
    await tearDown(azure.manager, await takeInventory(azure.manager, ENVIRONMENT, azure.signal), { signal: azure.signal });
    expect(azure.fake.resources()).toHaveLength(before);
  });
});

describe('the checks before it', () => {
  const rulesOf = async (azure: Azure, graph: ResourceGraph): Promise<string[]> => {
    const input = preflightInput(graph, { callerId: CACHE_WARMER_FACTS.caller.objectId, sshPublicKey: () => Promise.resolve('') });
    return (await checkBeforeDeployment({ ...input, callerId: azure.callerId }, azure.manager, azure.signal)).map(
      ({ severity, rule, message }) => `${severity} ${rule}: ${message}`,
    );
  };

  it('find nothing for an owner, and that one who may not define roles may not', async () => {
    const owner = await openAzure();
    expect(await rulesOf(owner, owner.cacheWarmer())).toEqual([]);
    const contributor = await openAzure(
      { principals: [{ objectId: 'cccccccc-0000-4000-8000-000000000003', type: 'User', roles: ['Contributor'] }] },
      'cccccccc-0000-4000-8000-000000000003',
    );
    expect(await rulesOf(contributor, contributor.cacheWarmer())).toEqual([
      expect.stringContaining('you may not assign roles'),
      expect.stringContaining('you may not define roles'),
    ]);
  });

  it('look for the sizes of controller and workers', async () => {
    const azure = await openAzure();
    const graph = azure.cacheWarmer({ CACHEWARMER_WORKER_SIZE: 'Standard_D3s_v9', CACHEWARMER_CONTROLLER_SIZE: 'Standard_D4s_v9' });
    expect(await rulesOf(azure, graph)).toEqual([
      expect.stringContaining('does not offer the size Standard_D4s_v9'),
      expect.stringContaining('does not offer the size Standard_D3s_v9'),
    ]);
  });
});
