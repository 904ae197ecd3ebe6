import { describe, expect, it } from 'vitest';
import { applyPlan, hasChanges, InfraError, planChanges } from '../../src/index.ts';
import { DEFAULT_PRINCIPAL } from '../../src/testing/testing.ts';
import { SUBSCRIPTION } from '../graph/environment-under-test.ts';
import { doings, IMPATIENT, openAzure, textAt, type Azure } from './azure.ts';

const VM = 'Microsoft.Compute/virtualMachines';
const ROLES = 'Microsoft.Authorization/roleAssignments';

/** Everything that exists but what is named, without the times at which the service last heard of it. */
function others({ fake }: Azure, ...names: readonly string[]): unknown[] {
  return fake
    .resources()
    .filter((resource) => !names.includes(textAt(resource, 'name')))
    .map((resource): unknown =>
      JSON.parse(JSON.stringify(resource, (key, value: unknown) => (key === 'lastModifiedTime' ? undefined : value))),
    );
}

function principalOf({ fake }: Azure): string {
  const [vm] = fake.resources(VM);
  return (vm?.['identity'] as { principalId: string }).principalId;
}

/** Principals that have a role on container A or B. */
function rights({ fake }: Azure): string[] {
  return fake
    .resources(ROLES)
    .map(({ properties }) => properties as { principalId: string; scope: string })
    .filter(({ scope }) => scope.includes('/containers/'))
    .map(({ principalId }) => principalId)
    .sort();
}

describe('an environment', () => {
  it('is created, and then planned again as no change, although the service never returns user data', async () => {
    const azure = await openAzure();
    const plan = await azure.deploy(azure.environment());
    expect(plan.changes).toHaveLength(14);
    expect(plan.changes.every(({ action }) => action === 'create')).toBe(true);
    expect(plan.changes.filter(({ note }) => note === 'principal known after apply')).toHaveLength(2);
    expect(rights(azure)).toEqual([DEFAULT_PRINCIPAL.objectId, DEFAULT_PRINCIPAL.objectId, principalOf(azure), principalOf(azure)].sort());

    const before = azure.fake.log.length;
    const again = await azure.deploy(azure.environment());
    expect(hasChanges(again)).toBe(false);
    // Names of rights are the same, computed here and by the template.
    expect(again.changes.some(({ note }) => note !== undefined)).toBe(false);
    expect(azure.writes(before)).toEqual([]);
  });

  it('changes only the resource whose setting has changed', async () => {
    const azure = await openAzure();
    await azure.deploy(azure.environment());
    const before = others(azure, 'warpdrive-forge-vm');
    const plan = await azure.deploy(azure.environment({ VM_SIZE: 'Standard_D8s_v5' }));
    expect(doings(plan)).toEqual([`change ${VM} warpdrive-forge-vm`]);
    const { differences } = plan.changes.find(({ action }) => action === 'change') ?? {};
    expect(differences).toEqual([{ path: 'properties.hardwareProfile.vmSize', before: 'Standard_D4s_v5', after: 'Standard_D8s_v5' }]);
    expect(others(azure, 'warpdrive-forge-vm')).toEqual(before);
    expect(doings(await azure.plan(azure.environment({ VM_SIZE: 'Standard_D8s_v5' })))).toEqual([]);
  });

  it('lets another address in by changing the security group alone', async () => {
    const azure = await openAzure();
    await azure.deploy(azure.environment());
    const plan = await azure.deploy(azure.environment({}, { sshSources: ['198.51.100.0/24'] }));
    expect(doings(plan)).toEqual(['change Microsoft.Network/networkSecurityGroups warpdrive-forge-vm-nsg']);
    expect(doings(await azure.plan(azure.environment({}, { sshSources: ['198.51.100.0/24'] })))).toEqual([]);
  });

  it('is one of several in a subscription, which do not see each other', async () => {
    const azure = await openAzure();
    await azure.deploy(azure.environment());
    const second = { WARPFORGE_ENVIRONMENT: 'second', RESOURCE_GROUP: 'second-rg' };
    const before = others(azure);
    const plan = await azure.plan(azure.environment(second));
    expect(plan.changes.every(({ action }) => action === 'create')).toBe(true);
    expect(others(azure)).toEqual(before);
  });
});

describe('what can only be made anew', () => {
  const cases: readonly (readonly [what: string, variables: Record<string, string>, facts: object, path: string])[] = [
    ['admin user', { ADMIN_USER: 'trainer' }, {}, 'properties.osProfile.adminUsername'],
    ['user data', {}, { customData: '#cloud-config\nruncmd: []\n' }, 'properties.osProfile.customData'],
    ['image', { VM_IMAGE: 'Canonical:ubuntu-24_04-lts:server-gen1:latest' }, {}, 'properties.storageProfile.imageReference.sku'],
    [
      'SSH key',
      {},
      { sshPublicKey: `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${'B'.repeat(43)} new` },
      'properties.osProfile.linuxConfiguration.ssh.publicKeys.0.keyData',
    ],
  ];

  it.each(cases)('is shown as replace and refused without leave, nothing being sent: %s', async (_what, variables, facts, path) => {
    const azure = await openAzure();
    await azure.deploy(azure.environment());
    const graph = azure.environment(variables, facts);
    const plan = await azure.plan(graph);
    const replaced = plan.changes.find(({ action }) => action === 'replace');
    expect(replaced?.name).toBe('warpdrive-forge-vm');
    expect(replaced?.differences.map((difference) => difference.path)).toContain(path);
    const before = azure.fake.log.length;
    const failure = await azure.deploy(graph).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(InfraError);
    expect(failure).toMatchObject({ code: 'INFRA_REPLACE_REFUSED', message: expect.stringContaining('--replace-vm') as string });
    expect((failure as Error).message).toContain(path);
    expect(azure.writes(before)).toEqual([]);
  });

  it('is left as it is on request, and the rest is changed', async () => {
    const azure = await openAzure();
    await azure.deploy(azure.environment());
    const old = principalOf(azure);
    const graph = azure.environment({ ADMIN_USER: 'trainer' }, { sshSources: ['198.51.100.0/24'] });
    const plan = await planChanges(azure.manager, graph, azure.signal, { keep: true });
    expect(doings(plan)).toEqual(['change Microsoft.Network/networkSecurityGroups warpdrive-forge-vm-nsg']);
    expect(plan.changes.find(({ key }) => key === 'vm')?.note).toMatch(
      /^kept as it is, with another .*properties\.osProfile\.adminUsername/,
    );
    await applyPlan(azure.manager, plan, { signal: azure.signal, allowReplace: false, clock: IMPATIENT });
    expect(principalOf(azure)).toBe(old);
    expect(textAt(azure.fake.resources(VM)[0], 'properties', 'osProfile', 'adminUsername')).toBe('azureuser');
    expect(hasChanges(await planChanges(azure.manager, graph, azure.signal, { keep: true }))).toBe(false);
  });

  it('is made anew with leave; the rights of the old identity go, the new one gets them', async () => {
    const azure = await openAzure();
    await azure.deploy(azure.environment());
    const old = principalOf(azure);
    const graph = azure.environment({ ADMIN_USER: 'trainer' });
    const plan = await azure.deploy(graph, { allowReplace: true });
    expect(doings(plan).filter((doing) => doing.startsWith('replace'))).toEqual([`replace ${VM} warpdrive-forge-vm`]);
    expect(doings(plan).filter((doing) => doing.startsWith('delete'))).toHaveLength(2);
    expect(plan.changes.filter(({ note }) => note === 'principal known after apply')).toHaveLength(2);
    const owner = DEFAULT_PRINCIPAL.objectId;
    expect(principalOf(azure)).not.toBe(old);
    expect(rights(azure)).toEqual([owner, owner, principalOf(azure), principalOf(azure)].sort());
    expect(doings(await azure.plan(graph))).toEqual([]);
  });
});

describe('drift', () => {
  it('shows up with what was there and what will be', async () => {
    const azure = await openAzure();
    const graph = azure.environment();
    await azure.deploy(graph);
    azure.fake.change(graph.idOf('storage-b'), (body) => ({
      ...body,
      properties: { ...(body['properties'] as object), minimumTlsVersion: 'TLS1_0' },
    }));
    azure.fake.change(graph.idOf('network'), (body) => ({ ...body, tags: { ...(body['tags'] as object), cost: 'mine' } }));
    azure.fake.remove(graph.idOf('container-a'));
    const plan = await azure.plan(graph);
    expect(
      plan.changes.filter(({ action }) => action !== 'no change').map(({ action, key, differences }) => [action, key, differences]),
    ).toEqual(
      expect.arrayContaining([
        ['change', 'storage-b', [{ path: 'properties.minimumTlsVersion', before: 'TLS1_0', after: 'TLS1_2' }]],
        ['create', 'container-a', []],
        ['change', 'network', [{ path: 'tags.cost', before: 'mine', after: undefined }]],
      ]),
    );
    await azure.deploy(graph);
    expect(doings(await azure.plan(graph))).toEqual([]);
  });

  it('takes back rights of an identity that is gone, and leaves those of people', async () => {
    const azure = await openAzure();
    const graph = azure.environment();
    const colleague = { objectId: 'cccccccc-0000-4000-8000-000000000003', type: 'User' } as const;
    await azure.deploy(azure.environment({}, { caller: colleague }));
    await azure.deploy(graph);
    azure.fake.remove(graph.idOf('vm'));
    const plan = await azure.deploy(graph);
    expect(doings(plan).filter((doing) => doing.startsWith('delete'))).toHaveLength(2);
    const owner = DEFAULT_PRINCIPAL.objectId;
    expect(rights(azure)).toEqual([owner, owner, colleague.objectId, colleague.objectId, principalOf(azure), principalOf(azure)].sort());
  });
});

describe('a group that was there before', () => {
  it('is used and left as it is', async () => {
    const azure = await openAzure();
    const id = `/subscriptions/${SUBSCRIPTION}/resourceGroups/warpdrive-forge-rg`;
    azure.fake.place(id, { location: 'canadacentral', tags: { owner: 'somebody' }, properties: { provisioningState: 'Succeeded' } });
    const plan = await azure.deploy(azure.environment({}, { ownsGroup: false }));
    expect(plan.changes).toHaveLength(13);
    expect(azure.fake.resource(id)?.['tags']).toEqual({ owner: 'somebody' });
    expect(azure.fake.resources(VM)).toHaveLength(1);
  });
});
