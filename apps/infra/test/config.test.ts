import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DAEMON_AUTH_METHODS, writeOutputs, type EnvironmentOutputs } from '@warpforge/azure-infra';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AUTH_METHODS } from '../src/commands/config.ts';
import { warpforgeInfra } from './program.ts';

const storage = (account: string, location: string) => ({
  ...{ account, location, container: 'coco2017-wds' },
  endpoint: `https://${account}.blob.core.windows.net`,
});
const outputs: EnvironmentOutputs = {
  version: 1,
  environment: 'warpdrive-forge',
  subscriptionId: '00000000-0000-0000-0000-000000000001',
  resourceGroup: 'warpdrive-forge-rg',
  storage: { a: storage('datacac', 'canadacentral'), b: storage('datawus3', 'westus3') },
  vm: {
    ...{ name: 'warpdrive-forge-vm', size: 'Standard_L8s_v3', location: 'canadacentral', adminUser: 'azureuser', address: '127.0.0.1' },
    principalId: '00000000-0000-0000-0000-000000000002',
  },
};

describe('config', () => {
  const cwd = mkdtempSync(join(tmpdir(), 'warpforge-config-'));
  beforeAll(() => writeOutputs(join(cwd, '.warpforge'), outputs));
  afterAll(() => rmSync(cwd, { recursive: true }));

  it("prints the guide's step 4, with the cache where the VM that exists has a disk for it", async () => {
    const { status, stdout, stderr } = await warpforgeInfra(['config'], { cwd });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^mount_point: \/wd\nallow_other: true\n\ncache:\n {2}path: \/mnt\/nvme\/warpdrive-cache\n {2}max_size: 50GB\n/);
    expect(stdout).toContain('\n  - name: datasets-wus3         # West US 3\n');
  });

  it('writes a file, with settings from everywhere', async () => {
    const args = ['config', '--mount-point', '/mnt/wd', '--auth', 'azure_cli', '--output', 'warpdrive.yaml'];
    expect(await warpforgeInfra(args, { cwd, env: { WD_CACHE_DIR: '/data/cache' } })).toEqual({
      status: 0,
      stdout: 'wrote warpdrive.yaml\n',
      stderr: '',
    });
    const text = readFileSync(join(cwd, 'warpdrive.yaml'), 'utf8');
    expect(text).toContain('mount_point: /mnt/wd\n');
    expect(text).toContain('  path: /data/cache\n');
    expect(text).toContain('method: azure_cli');
  });

  it('prints one JSON object', async () => {
    expect(JSON.parse((await warpforgeInfra(['config', '--json'], { cwd })).stdout)).toMatchObject({
      mount_point: '/wd',
      backends: [{ name: 'datasets-cac', config: { account: 'datacac' } }, { name: 'datasets-wus3' }],
    });
  });

  it('says what is to be done first, and what is wrong', async () => {
    const none = await warpforgeInfra(['config', '--output-dir', 'nowhere'], { cwd });
    expect(none).toMatchObject({ status: 1, stdout: '' });
    expect(none.stderr).toContain('Run "warpforge-infra provision"');
    const settings = await warpforgeInfra(['config', '--mount-point', 'wd', '--output', 'other.yaml'], { cwd });
    expect(settings).toMatchObject({ status: 2, stdout: '' });
    expect(settings.stderr).toContain('--mount-point: must be an absolute path');
    expect(existsSync(join(cwd, 'other.yaml'))).toBe(false);
    const file = await warpforgeInfra(['config', '--output', 'no/such/folder.yaml'], { cwd });
    expect(file).toMatchObject({ status: 2, stdout: '' });
    expect(file.stderr).toContain('cannot write no/such/folder.yaml');
    expect(await warpforgeInfra(['config', '--auth', 'password'], { cwd })).toMatchObject({ status: 2 });
  });

  it('says why a VM that does not answer gets nothing', async () => {
    // Nothing listens on port 1.
    const { status, stderr } = await warpforgeInfra(['config', '--install', '--port', '1'], { cwd });
    expect(status).toBe(1);
    expect(stderr).toContain('127.0.0.1, port 1 does not answer to SSH');
  });

  it("offers the library's methods of signing in", () => {
    expect(AUTH_METHODS).toEqual(DAEMON_AUTH_METHODS);
  });
});
