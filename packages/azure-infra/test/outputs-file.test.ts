import { execFileSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readOutputs, removeOutputs, writeOutputs } from '../src/outputs-file.ts';
import type { EnvironmentOutputs } from '../src/outputs.ts';

const outputs: EnvironmentOutputs = {
  version: 1,
  environment: 'warpdrive-forge',
  subscriptionId: '00000000-0000-0000-0000-000000000001',
  resourceGroup: 'warpdrive-forge-rg',
  storage: {
    a: { account: 'datacac', location: 'canadacentral', container: 'coco2017-wds', endpoint: 'https://datacac.blob.core.windows.net' },
    b: { account: 'datawus3', location: 'westus3', container: 'coco2017-wds', endpoint: 'https://datawus3.blob.core.windows.net' },
  },
  vm: {
    ...{ name: 'warpdrive-forge-vm', size: 'Standard_D4s_v5', location: 'canadacentral', adminUser: 'azureuser', address: '203.0.113.7' },
    principalId: '00000000-0000-0000-0000-000000000002',
  },
};

describe('the outputs', () => {
  let parent: string;
  let folder: string;
  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'warpforge-outputs-'));
    folder = join(parent, '.warpforge');
  });
  afterEach(() => rm(parent, { recursive: true }));

  it('are read back as they were written, in a folder that is made for them', async () => {
    await writeOutputs(folder, { ...outputs, environment: 'first' });
    await writeOutputs(folder, outputs);
    expect(await readOutputs(folder)).toEqual(outputs);
    expect((await readdir(folder)).sort()).toEqual(['.env.generated', 'outputs.json']);
  });

  it("have the deployment guide's four exports, for a shell to source", async () => {
    await writeOutputs(folder, outputs);
    const file = join(folder, '.env.generated');
    expect(await readFile(file, 'utf8')).toBe(
      'export STORAGE_ACCOUNT_A="datacac"\nexport STORAGE_ACCOUNT_B="datawus3"\nexport VM_IP="203.0.113.7"\n' +
        'export VM_PRINCIPAL_ID="00000000-0000-0000-0000-000000000002"\n',
    );
    expect(execFileSync('sh', ['-c', '. "$0"; echo "$VM_IP $STORAGE_ACCOUNT_B"', file], { encoding: 'utf8' })).toBe(
      '203.0.113.7 datawus3\n',
    );
  });

  it('say what to run where there are none', async () => {
    await expect(readOutputs(folder)).rejects.toMatchObject({
      code: 'INFRA_NOT_PROVISIONED',
      message: expect.stringMatching(/outputs\.json.*Run "warpforge-infra provision".*--output-dir/) as string,
    });
  });

  it.each([
    ['', 'the file: '],
    ['[]', 'the file: '],
    ['{"version": 2}', 'version: must be 1'],
    [JSON.stringify({ ...outputs, vm: { ...outputs.vm, address: '$(reboot)' } }), 'vm.address: must be an IP address'],
    [JSON.stringify({ ...outputs, vm: { ...outputs.vm, adminUser: '-oProxyCommand=x' } }), 'vm.adminUser: must be a Linux user name'],
  ])('are not used when they are not what was written: %s', async (text, fault) => {
    await writeOutputs(folder, outputs);
    await writeFile(join(folder, 'outputs.json'), text);
    await expect(readOutputs(folder)).rejects.toMatchObject({
      code: 'INFRA_OUTPUTS',
      message: expect.stringContaining(`\n  ${fault}`) as string,
    });
  });

  it('are never written with what a shell would run, and leave nothing half-written', async () => {
    const bad = { ...outputs, storage: { ...outputs.storage, a: { ...outputs.storage.a, account: 'a$(b)' } } };
    await expect(writeOutputs(folder, bad)).rejects.toMatchObject({ code: 'INFRA_OUTPUTS' });
    await writeFile(folder, 'a file, not a folder');
    await expect(writeOutputs(folder, outputs)).rejects.toMatchObject({
      code: 'INFRA_OUTPUTS',
      message: expect.stringContaining('--output-dir') as string,
    });
    expect(await readdir(parent)).toEqual(['.warpforge']);
  });

  it('are removed without what else is in the folder', async () => {
    await writeOutputs(folder, outputs);
    await writeFile(join(folder, 'known_hosts'), '');
    await removeOutputs(folder);
    await removeOutputs(folder);
    expect(await readdir(folder)).toEqual(['known_hosts']);
  });
});
