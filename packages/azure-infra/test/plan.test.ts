import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InfraError, planResources, provision, settingsFromEnvironment, storageAccountName, type Resource } from '../src/index.ts';

const plan = (environment: Record<string, string> = {}): readonly Resource[] => planResources(settingsFromEnvironment(environment));

function find<Type extends Resource['type']>(resources: readonly Resource[], type: Type): Extract<Resource, { type: Type }>[] {
  return resources.filter((resource): resource is Extract<Resource, { type: Type }> => resource.type === type);
}

describe('the plan', () => {
  it('is the environment of the deployment guide', () => {
    expect(plan().map((resource) => resource.type.split('/').at(-1))).toEqual([
      'resourceGroups',
      'storageAccounts',
      'containers',
      'storageAccounts',
      'containers',
      'networkSecurityGroups',
      'virtualNetworks',
      'publicIPAddresses',
      'networkInterfaces',
      'virtualMachines',
      'roleAssignments',
      'roleAssignments',
    ]);
    expect(find(plan(), 'Microsoft.Storage/storageAccounts').map((account) => account.location)).toEqual(['canadacentral', 'westus3']);
  });

  it('is the same in every run, and its ids are unique and stand after what they depend on', () => {
    expect(plan()).toEqual(plan());
    const seen = new Set<string>();
    for (const resource of plan()) {
      for (const id of resource.dependsOn) expect(seen).toContain(id);
      expect(seen).not.toContain(resource.id);
      seen.add(resource.id);
    }
  });

  it('lets the VM read the two containers and nothing else, without keys', () => {
    const resources = plan({ STORAGE_ACCOUNT_A: 'mydataa', STORAGE_ACCOUNT_B: 'mydatab' });
    const roles = find(resources, 'Microsoft.Authorization/roleAssignments');
    expect(roles.map((role) => [role.properties.role, role.properties.scope, role.properties.principalOf])).toEqual([
      ['Storage Blob Data Reader', 'mydataa/coco2017-wds', 'warpdrive-forge-vm'],
      ['Storage Blob Data Reader', 'mydatab/coco2017-wds', 'warpdrive-forge-vm'],
    ]);
    for (const { properties } of find(resources, 'Microsoft.Storage/storageAccounts')) {
      expect(properties).toMatchObject({ allowSharedKeyAccess: false, allowBlobPublicAccess: false });
    }
  });

  it('opens port 22 to the named networks only, and to none by default', () => {
    const rules = (environment: Record<string, string>) =>
      find(plan(environment), 'Microsoft.Network/networkSecurityGroups').flatMap((group) => group.properties.rules);
    expect(rules({})).toEqual([]);
    expect(rules({ SSH_SOURCES: '203.0.113.7/32' })).toMatchObject([{ port: 22, access: 'Allow', sources: ['203.0.113.7/32'] }]);
  });
});

describe('a derived storage account name', () => {
  it('is valid, and differs by letter, subscription, group and region', () => {
    const part = fc.string({ maxLength: 90 });
    fc.assert(
      fc.property(part, part, part, (subscription, group, location) => {
        const name = storageAccountName('a', subscription, group, location);
        expect(name).toMatch(/^[a-z0-9]{3,24}$/);
        expect(storageAccountName('b', subscription, group, location)).not.toBe(name);
        expect(storageAccountName('a', `${subscription}x`, group, location)).not.toBe(name);
        expect(storageAccountName('a', subscription, `${group}x`, location)).not.toBe(name);
        expect(storageAccountName('a', subscription, group, `${location}x`)).not.toBe(name);
      }),
    );
  });

  it('never changes from release to release, for data would be lost from sight', () => {
    expect(storageAccountName('a', undefined, 'warpdrive-forge-rg', 'canadacentral')).toBe('wdforgeailf1zgd4e0woq');
  });
});

describe('provision', () => {
  it('says that this version does not deploy', async () => {
    const failure = await provision(settingsFromEnvironment({})).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(InfraError);
    expect(failure).toMatchObject({ code: 'INFRA_NOT_AVAILABLE' });
  });
});
