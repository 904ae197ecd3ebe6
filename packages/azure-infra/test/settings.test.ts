import { describe, expect, it } from 'vitest';
import { InfraError, settingsFromEnvironment, settingsVariables } from '../src/index.ts';

function faultsOf(environment: Record<string, string>): InfraError {
  try {
    settingsFromEnvironment(environment);
  } catch (error) {
    if (error instanceof InfraError) return error;
    throw error;
  }
  throw new Error('the settings were accepted');
}

describe('the settings', () => {
  it("are the deployment guide's without any variable", () => {
    expect(settingsFromEnvironment({})).toEqual({
      subscriptionId: undefined,
      resourceGroup: 'warpdrive-forge-rg',
      locations: { a: 'canadacentral', b: 'westus3' },
      storageAccounts: { a: undefined, b: undefined },
      container: 'coco2017-wds',
      vm: {
        name: 'warpdrive-forge-vm',
        size: 'Standard_D4s_v5',
        image: 'Canonical:ubuntu-24_04-lts:server:latest',
        adminUser: 'azureuser',
      },
      sshSources: [],
      dataset: { shards: 20, imagesPerShard: 100 },
    });
  });

  it('are overridden by the variables of the guide, and an empty one counts as absent', () => {
    const settings = settingsFromEnvironment({
      VM_SIZE: 'Standard_D8s_v5',
      LOCATION_A: 'eastus',
      NUM_SHARDS: '50',
      LOCATION_B: '',
      PATH: '/bin',
    });
    expect(settings.vm.size).toBe('Standard_D8s_v5');
    expect(settings.locations).toEqual({ a: 'eastus', b: 'westus3' });
    expect(settings.dataset).toEqual({ shards: 50, imagesPerShard: 100 });
  });

  it('take several networks for SSH', () => {
    expect(settingsFromEnvironment({ SSH_SOURCES: '203.0.113.7/32, 2001:db8::/48' }).sshSources).toEqual([
      '203.0.113.7/32',
      '2001:db8::/48',
    ]);
  });

  it('name every fault at once, by its variable', () => {
    const error = faultsOf({
      AZURE_SUBSCRIPTION_ID: 'mine',
      RESOURCE_GROUP: 'group.',
      LOCATION_A: 'Canada Central',
      LOCATION_B: 'West US 3',
      STORAGE_ACCOUNT_A: 'Has-Dashes',
      STORAGE_ACCOUNT_B: 'ab',
      CONTAINER_NAME: 'a--b',
      VM_NAME: '-vm',
      VM_SIZE: 'huge',
      VM_IMAGE: 'ubuntu',
      ADMIN_USER: 'root',
      SSH_SOURCES: '10.0.0.1',
      NUM_SHARDS: '0',
      IMAGES_PER_SHARD: '1e3',
    });
    expect(error.code).toBe('INFRA_SETTINGS_INVALID');
    expect(error.faults.map((fault) => fault.variable).sort()).toEqual([...settingsVariables].sort());
    for (const fault of error.faults) expect(error.message).toContain(`${fault.variable}: ${fault.message}`);
  });

  it('never open SSH to the world', () => {
    expect(faultsOf({ SSH_SOURCES: '0.0.0.0/0' }).message).toContain('must not open port 22 to every address');
    expect(faultsOf({ SSH_SOURCES: '203.0.113.7/32,::/0' }).message).toContain('must not open port 22 to every address');
  });

  it('need two different storage accounts', () => {
    expect(faultsOf({ STORAGE_ACCOUNT_A: 'mydata', STORAGE_ACCOUNT_B: 'mydata' }).faults).toEqual([
      { variable: 'STORAGE_ACCOUNT_B', message: 'must differ from STORAGE_ACCOUNT_A' },
    ]);
  });
});
