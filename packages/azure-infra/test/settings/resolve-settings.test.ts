import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { InfraError } from '../../src/errors.ts';
import { SETTING_KEYS, settingFlag, SETTINGS, type SettingKey } from '../../src/settings/definitions.ts';
import { resolveSettings, type SettingsInput } from '../../src/settings/resolve-settings.ts';

const file = (...lines: string[]) => ({ path: 'warpforge.yaml', text: `${lines.join('\n')}\n` });
const resolve = (input: Partial<SettingsInput>) => resolveSettings({ flags: {}, environment: {}, ...input });

function faultsOf(input: Partial<SettingsInput>): string[] {
  try {
    resolve(input);
  } catch (error) {
    if (!(error instanceof InfraError)) throw error;
    expect(error.code).toBe('INFRA_SETTINGS_INVALID');
    for (const { place, message } of error.faults) expect(error.message).toContain(`\n  ${place}: ${message}`);
    return error.faults.map(({ place, message }) => `${place}: ${message}`);
  }
  throw new Error('the settings were accepted');
}

describe('the settings', () => {
  it("are the deployment guide's when nothing is given", () => {
    const { settings, sources } = resolve({});
    expect(settings).toEqual({
      environment: 'warpdrive-forge',
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
        spot: false,
      },
      sshPublicKeyFile: undefined,
      sshSources: [],
      mount: { point: '/wd', cachePath: '/tmp/warpdrive-cache', cacheSize: '50GB' },
      dataset: { shards: 20, imagesPerShard: 100, imageSize: 224 },
      training: { steps: 2000, batchSize: 64, workers: 8 },
      cacheWarmer: {
        prefix: 'cw',
        environment: 'warpdrive-forge-cachewarmer',
        resourceGroup: 'warpdrive-forge-rg-cachewarmer',
        storageAccount: undefined,
        controllerSize: 'Standard_D2s_v5',
        workerSize: 'Standard_D2s_v5',
        maxWorkers: 8,
        maxInstanceHours: 24,
        filer: false,
        natGateway: true,
        packagesUrl: undefined,
        proxies: { https: undefined, http: undefined, exceptions: [] },
      },
      tags: {},
    });
    expect([...sources.keys()]).toEqual(SETTING_KEYS);
    expect(new Set([...sources.values()].map(({ from }) => from))).toEqual(new Set(['default']));
  });

  it('take a flag before a variable before the file, and say where each value comes from', () => {
    const { settings, sources } = resolve({
      flags: { location_a: 'eastus', vm_spot: 'true' },
      environment: { LOCATION_A: 'westus', VM_SIZE: 'Standard_D8s_v5', PATH: '/bin' },
      file: file('# mine', 'location_a: northeurope', 'vm_size: Standard_D2s_v5', 'ssh_sources: [203.0.113.7/32, "2001:db8::/48"]'),
    });
    expect(settings).toMatchObject({
      locations: { a: 'eastus', b: 'westus3' },
      vm: { size: 'Standard_D8s_v5', spot: true },
      sshSources: ['203.0.113.7/32', '2001:db8::/48'],
    });
    expect([...sources].filter(([, { from }]) => from !== 'default')).toEqual([
      ['location_a', { from: 'flag', place: '--location-a', value: 'eastus' }],
      ['vm_size', { from: 'environment', place: 'VM_SIZE', value: 'Standard_D8s_v5' }],
      ['vm_spot', { from: 'flag', place: '--vm-spot', value: 'true' }],
      ['ssh_sources', { from: 'file', place: 'warpforge.yaml:4:1', value: '203.0.113.7/32,2001:db8::/48' }],
    ]);
  });

  it('take an empty variable for one that is not there', () => {
    expect(resolve({ environment: { LOCATION_B: '' }, file: file('location_b: eastus') }).settings.locations.b).toBe('eastus');
  });

  it('are the same whichever way a value comes', () => {
    const values: Partial<Record<SettingKey, string>> = {
      ...{ environment: 'mine', subscription_id: '00000000-0000-0000-0000-000000000001', resource_group: 'g', location_a: 'eastus' },
      ...{ location_b: 'westus', storage_account_a: 'mydata', storage_account_b: 'yourdata', container_name: 'abc', vm_name: 'vm' },
      ...{ vm_size: 'Standard_L8s_v3', vm_image: 'a:b:c:d', vm_spot: 'true', admin_user: 'me', ssh_public_key: 'id.pub' },
      ...{ ssh_sources: '203.0.113.7/32', mount_point: '/data', cache_dir: '/cache', cache_size: '1.5TB', num_shards: '4' },
      ...{ images_per_shard: '8', image_size: '32', train_steps: '10', batch_size: '16', num_workers: '0' },
      ...{
        queue_prefix: 'team-',
        cachewarmer_resource_group: 'h',
        cachewarmer_storage_account: 'ourqueues',
        controller_size: 'Standard_D4s_v5',
      },
      ...{ worker_size: 'Standard_D8s_v5', max_workers: '100', max_instance_hours: '12', filer: 'true', nat_gateway: 'false' },
      ...{ packages_url: 'https://files.blob.core.windows.net/npm/', https_proxy: 'http://a:3128', http_proxy: 'http://b:3128' },
      ...{ no_proxy: '.example.com,10.0.0.0/8' },
    };
    const keys = SETTING_KEYS.filter((key) => SETTINGS[key].variable !== undefined);
    expect(Object.keys(values).sort()).toEqual([...keys].sort());
    const { settings } = resolve({ flags: values });
    const environment = Object.fromEntries(keys.map((key) => [SETTINGS[key].variable ?? '', values[key]]));
    expect(resolve({ environment }).settings).toEqual(settings);
    expect(resolve({ file: file(...keys.map((key) => `${key}: ${values[key]}`)) }).settings).toEqual(settings);
    expect(Object.values(settings)).not.toContain(undefined);
  });

  it('keep the proxies of the schemes apart', () => {
    const { proxies } = resolve({ flags: { https_proxy: 'http://secure:3128', no_proxy: '.example.com, 10.0.0.4' } }).settings.cacheWarmer;
    expect(proxies).toEqual({ https: 'http://secure:3128', http: undefined, exceptions: ['.example.com', '10.0.0.4'] });
  });

  it('keep the cache on local NVMe where the VM has it, unless told where', () => {
    expect(resolve({ flags: { vm_size: 'Standard_L8s_v3' } }).settings.mount.cachePath).toBe('/mnt/nvme/warpdrive-cache');
    expect(resolve({ flags: { vm_size: 'Standard_L8as_v3', cache_dir: '/data' } }).settings.mount.cachePath).toBe('/data');
  });

  it('have tags in the file alone', () => {
    expect(settingFlag('tags')).toBeUndefined();
    expect(resolve({ file: file('tags:', '  owner: me', '  "cost center": "007"') }).settings.tags).toEqual({
      owner: 'me',
      'cost center': '007',
    });
    expect(faultsOf({ file: file('tags:', '  a/b: x', '  managed-by: me') })).toEqual([
      'warpforge.yaml:2:3: tags.a/b: must be 1 to 128 characters without <>%&\\?/',
      'warpforge.yaml:3:3: tags.managed-by: is a tag that the product sets itself',
    ]);
    expect(faultsOf({ file: file('tags: {owner: 7}') })).toEqual(['warpforge.yaml:1:8: tags.owner: must be a text; put it in quotes']);
    expect(faultsOf({ file: file('tags: {Owner: a, owner: b}') })[0]).toContain('tags: has a name twice');
  });
});

describe('faults of the settings', () => {
  const bad: Partial<Record<SettingKey, string>> = {
    ...{ environment: 'Mine', subscription_id: 'mine', resource_group: 'group.', location_a: 'Canada Central', location_b: 'West US 3' },
    ...{ storage_account_a: 'Has-Dashes', storage_account_b: 'ab', container_name: 'a--b', vm_name: '-vm', vm_size: 'huge' },
    ...{ vm_image: 'ubuntu', vm_spot: 'yes', admin_user: 'root', ssh_public_key: '', ssh_sources: '10.0.0.1', mount_point: 'wd' },
    ...{ cache_dir: '/a/../b', cache_size: '0', num_shards: '1', images_per_shard: '1e3', image_size: '1', train_steps: '0' },
    ...{ batch_size: '-1', num_workers: '2.5', queue_prefix: 'Team', cachewarmer_resource_group: 'a/b', cachewarmer_storage_account: 'A' },
    ...{ controller_size: 'big', worker_size: '', max_workers: '1001', max_instance_hours: '0', filer: 'no', nat_gateway: 'no' },
    ...{ packages_url: 'https://files.blob.core.windows.net/npm?sig=secret', https_proxy: 'http://me:secret@proxy:3128' },
    ...{ http_proxy: 'proxy:3128', no_proxy: 'a b' },
  };

  it('are told all at once, by flag or variable', () => {
    const keys = SETTING_KEYS.filter((key) => SETTINGS[key].variable !== undefined);
    expect(faultsOf({ flags: bad }).map((fault) => fault.split(':')[0])).toEqual(keys.map(settingFlag));
    // An empty variable is no fault.
    const environment = Object.fromEntries(keys.map((key) => [SETTINGS[key].variable ?? '', bad[key]]));
    expect(faultsOf({ environment }).map((fault) => fault.split(':')[0])).toEqual(
      keys.filter((key) => bad[key] !== '').map((key) => SETTINGS[key].variable),
    );
  });

  it('name line and column of a file', () => {
    expect(
      faultsOf({
        file: file('vm_size: huge', 'ssh_sources:', '  - 203.0.113.7/32', '  - 0.0.0.0/0', 'container_name: 2017', 'vm_name:'),
      }),
    ).toEqual([
      expect.stringMatching(/^warpforge\.yaml:5:1: container_name: must be 3 to 63 .*; put it in quotes$/),
      expect.stringMatching(/^warpforge\.yaml:6:1: vm_name: must be 1 to 64/),
      'warpforge.yaml:1:1: vm_size: must be a VM size, such as Standard_D4s_v5',
      'warpforge.yaml:4:5: ssh_sources.1: must not open port 22 to every address',
    ]);
  });

  it('name the setting that an unknown key may mean', () => {
    expect(faultsOf({ file: file('vm_siez: Standard_D8s_v5', 'location-a: eastus', 'colour: blue') })).toEqual([
      'warpforge.yaml:1:1: vm_siez: there is no such setting; did you mean "vm_size"?',
      'warpforge.yaml:2:1: location-a: there is no such setting; did you mean "location_a"?',
      expect.stringContaining('colour: there is no such setting; the settings are environment, subscription_id,'),
    ]);
  });

  it('of YAML itself are one each', () => {
    expect(faultsOf({ file: file('vm_size: [') })).toHaveLength(1);
    expect(faultsOf({ file: file('vm_size: a', 'vm_size: b') })).toEqual([expect.stringContaining('warpforge.yaml:2:1')]);
    expect(faultsOf({ file: file('- vm_size') })[0]).toContain('must be a mapping');
    expect(faultsOf({ file: file('vm_size: *none') })).toHaveLength(1);
    expect(resolve({ file: file('# nothing yet') }).settings.container).toBe('coco2017-wds');
  });

  it('of a value that a flag replaces do not count', () => {
    expect(resolve({ flags: { vm_size: 'Standard_D8s_v5' }, file: file('vm_size: huge') }).settings.vm.size).toBe('Standard_D8s_v5');
  });

  it('never open SSH to the world', () => {
    expect(faultsOf({ environment: { SSH_SOURCES: '0.0.0.0/0' } })).toEqual(['SSH_SOURCES: must not open port 22 to every address']);
    expect(faultsOf({ flags: { ssh_sources: '203.0.113.7/32,::/0' } })).toEqual(['--ssh-sources: must not open port 22 to every address']);
  });

  it('lie between settings too', () => {
    expect(faultsOf({ flags: { storage_account_a: 'mydata' }, environment: { STORAGE_ACCOUNT_B: 'mydata' } })).toEqual([
      'STORAGE_ACCOUNT_B: must differ from storage_account_a',
    ]);
    expect(faultsOf({ flags: { cache_dir: '/wd/cache' } })).toEqual(['--cache-dir: must not lie below the mount point /wd']);
    expect(faultsOf({ flags: { cache_dir: '/mnt', mount_point: '/mnt/wd' } })).toEqual([
      '--mount-point: must not lie below the cache /mnt',
    ]);
    expect(faultsOf({ flags: { num_shards: '1000000', images_per_shard: '101' } })).toEqual([
      '--images-per-shard: must not make more than 100000000 images in all',
    ]);
  });

  it('are faults of settings, whatever a file holds', () => {
    const line = fc.oneof(
      fc.string(),
      fc.tuple(fc.constantFrom(...SETTING_KEYS), fc.oneof(fc.string(), fc.json())).map(([key, value]) => `${key}: ${value}`),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 6 }), (lines) => {
        try {
          resolve({ file: file(...lines) });
        } catch (error) {
          expect(error).toBeInstanceOf(InfraError);
          if (error instanceof InfraError) expect(error.faults.length).toBeGreaterThan(0);
        }
      }),
      { numRuns: 300 },
    );
  });
});
