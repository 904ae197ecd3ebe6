import type { EnvironmentOutputs } from '@warpforge/azure-infra';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBlobStorage, textAt, TYPES, Workplace, type BlobStorage } from './workplace.ts';

let storage: BlobStorage;
beforeAll(async () => {
  storage = await startBlobStorage();
});
afterAll(() => storage[Symbol.asyncDispose]());

/** The caller, and the ends of the ids of the roles that are given. */
const CALLER = '0a0a0a0a-0000-4000-a000-00000000000a';
const READER = 'a410df84e7d1';
const CONTRIBUTOR = 'e96b0029c9fe';

function outputsOf(place: Workplace): EnvironmentOutputs {
  return JSON.parse(place.file('.warpforge/outputs.json') ?? '') as EnvironmentOutputs;
}

/** Everything but what is named, without the times at which the service last heard of it. */
function others({ manager }: Workplace, ...names: readonly string[]): string[] {
  return manager
    .resources()
    .filter((resource) => !names.includes(textAt(resource, 'name')))
    .map((resource) => JSON.stringify(resource, (key, value: unknown) => (key === 'lastModifiedTime' ? undefined : value)));
}

/** The four exports of the guide, as a shell reads them. */
function expectExports(place: Workplace): void {
  const { storage: accounts, vm } = outputsOf(place);
  const script = 'before=$(compgen -e); source .warpforge/.env.generated; comm -13 <(sort <<<"$before") <(compgen -e | sort); env';
  const printed = execFileSync('/bin/bash', ['--norc', '-ec', script], {
    cwd: place.folder,
    env: { PATH: '/usr/bin:/bin' },
    encoding: 'utf8',
  });
  const lines = printed.split('\n');
  expect(lines.slice(0, 4)).toEqual(['STORAGE_ACCOUNT_A', 'STORAGE_ACCOUNT_B', 'VM_IP', 'VM_PRINCIPAL_ID']);
  expect(lines).toEqual(
    expect.arrayContaining([
      `STORAGE_ACCOUNT_A=${accounts.a.account}`,
      `STORAGE_ACCOUNT_B=${accounts.b.account}`,
      'VM_IP=127.0.0.1',
      `VM_PRINCIPAL_ID=${vm.principalId}`,
    ]),
  );
  expect(place.file('.warpforge/.env.generated')?.trimEnd().split('\n')).toHaveLength(4);
}

describe('warpforge-infra provision', () => {
  it('makes the environment and the files that tell where it is, and does nothing the second time', async () => {
    await using place = await Workplace.open(storage);
    const first = await place.runAsProcess(['provision', '--yes']);
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toContain('14 to create, 0 to change, 0 to replace, 0 to delete, 0 unchanged');
    expect(first.stdout).toMatch(/^==> Deploying \(warpforge-warpdrive-forge-[0-9a-f]{10}\)$/m);
    expect(first.stdout).toContain('[14/14] Authorization/roleAssignments on ');
    expect(first.stdout).toMatch(/^VM {17}warpdrive-forge-vm \(Standard_D4s_v5\), ssh azureuser@127\.0\.0\.1$/m);

    const machine = place.only(TYPES.vm);
    const outputs = outputsOf(place);
    expect(outputs).toMatchObject({
      environment: 'warpdrive-forge',
      resourceGroup: 'warpdrive-forge-rg',
      storage: { a: { location: 'canadacentral' }, b: { location: 'westus3' } },
      vm: { name: textAt(machine, 'name'), address: '127.0.0.1', principalId: place.vmPrincipal },
    });
    expect(place.rights()).toEqual(
      [`${CALLER} ${CONTRIBUTOR}`, `${CALLER} ${CONTRIBUTOR}`, `${place.vmPrincipal} ${READER}`, `${place.vmPrincipal} ${READER}`].sort(),
    );

    expectExports(place);

    const before = place.manager.log.length;
    const [names, files] = [place.names(), [place.file('.warpforge/outputs.json'), place.file('.warpforge/.env.generated')]];
    const second = await place.run(['provision']);
    expect(second).toMatchObject({ code: 0, stderr: '' });
    expect(second.stdout).toContain('0 to create, 0 to change, 0 to replace, 0 to delete, 14 unchanged');
    expect(place.writes(before)).toEqual([]);
    expect(place.names()).toEqual(names);
    expect([place.file('.warpforge/outputs.json'), place.file('.warpforge/.env.generated')]).toEqual(files);
  });

  it('prints the outputs as one JSON object, and all else on standard error', async () => {
    await using place = await Workplace.open(storage);
    const first = await place.run(['provision', '--yes', '--json']);
    expect(first.code).toBe(0);
    expect(first.stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(JSON.parse(first.stdout)).toEqual(outputsOf(place));
    expect(first.stderr).toContain('==> Deploying');
    const second = await place.run(['provision', '--json']);
    expect(second.code).toBe(0);
    expect(second.stdout).toBe(first.stdout);
  });

  it('says where it waits for a role that does not work yet, and ends well', async () => {
    // One refusal, after which the time is over.
    await using place = await Workplace.open(storage, { resourceManager: { rolePropagationSeconds: 700 } });
    const { code, stdout } = await place.run(['provision', '--yes']);
    expect(code).toBe(0);
    expect(stdout.match(/^ {4}wdforge\w+: your role does not work yet \(\d+ s\); asking again in 2 s$/gm)).toHaveLength(1);
    expect(stdout).toContain('Outputs            .warpforge/outputs.json');
  });

  it('names the folder that it cannot write to, and goes on once it can', async () => {
    await using place = await Workplace.open(storage);
    writeFileSync(join(place.folder, '.warpforge'), 'a file in the way');
    const { code, stderr } = await place.run(['provision', '--yes']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^warpforge-infra: cannot write the outputs to \.warpforge: .+; name another folder with --output-dir\n$/);
    const before = place.manager.log.length;
    await place.succeed(['provision', '--output-dir', 'elsewhere']);
    expect(place.writes(before)).toEqual([]);
    expect(place.file('elsewhere/outputs.json')).toContain('"environment": "warpdrive-forge"');
  });
});

describe('a changed setting', () => {
  it('changes its resource and no other', async () => {
    await using place = await Workplace.open(storage);
    await place.succeed(['provision', '--yes']);
    const exceptVm = others(place, 'warpdrive-forge-vm');
    const resized = await place.succeed(['provision', '--yes'], { VM_SIZE: 'Standard_D8s_v5' });
    expect(resized).toContain('properties.hardwareProfile.vmSize: "Standard_D4s_v5" -> "Standard_D8s_v5"');
    expect(resized).toContain('0 to create, 1 to change, 0 to replace, 0 to delete, 13 unchanged');
    expect(others(place, 'warpdrive-forge-vm')).toEqual(exceptVm);
    expect(textAt(place.only(TYPES.vm), 'properties', 'hardwareProfile', 'vmSize')).toBe('Standard_D8s_v5');
    expect(outputsOf(place).vm.size).toBe('Standard_D8s_v5');

    // From the file now, which a variable and a flag stand before.
    writeFileSync(join(place.folder, 'warpforge.yaml'), 'vm_size: Standard_D8s_v5\nssh_sources: [198.51.100.0/24]\n');
    const exceptRules = others(place, 'warpdrive-forge-vm-nsg');
    const opened = await place.succeed(['provision', '--yes']);
    expect(opened).toMatch(/ssh_sources +198\.51\.100\.0\/24 +from warpforge\.yaml/);
    expect(opened).toContain('0 to create, 1 to change, 0 to replace, 0 to delete, 13 unchanged');
    expect(others(place, 'warpdrive-forge-vm-nsg')).toEqual(exceptRules);
    expect(JSON.stringify(place.only(TYPES.securityGroup))).toContain('198.51.100.0/24');
  });
});

describe('what cannot be changed in place', () => {
  let place: Workplace;
  let principal: string;
  beforeAll(async () => {
    place = await Workplace.open(storage);
    await place.succeed(['provision', '--yes']);
    principal = place.vmPrincipal;
  });
  afterAll(() => place[Symbol.asyncDispose]());

  it('is refused, with what it is and how to allow it, and nothing is sent', async () => {
    const before = place.manager.log.length;
    const everything = others(place);
    const { code, stderr } = await place.run(['provision', '--yes', '--admin-user', 'trainer']);
    expect(code).toBe(1);
    expect(stderr).toBe(`warpforge-infra: Azure cannot change this in place, and making it anew loses what is on it:
  warpdrive-forge-vm: properties.osProfile.linuxConfiguration.ssh.publicKeys.0.path, properties.osProfile.adminUsername
Run it with --replace-vm to delete and make it anew, or with --keep-vm to leave it as it is and change the rest. Nothing was changed
`);
    expect(place.writes(before)).toEqual([]);
    expect(others(place)).toEqual(everything);
    expect(outputsOf(place).vm.adminUser).toBe('azureuser');
  });

  it('is left as it is with --keep-vm, and the rest is changed', async () => {
    const stdout = await place.succeed(['provision', '--yes', '--keep-vm', '--admin-user', 'trainer', '--ssh-sources', '198.51.100.0/24']);
    expect(stdout).toContain('0 to create, 1 to change, 0 to replace, 0 to delete, 13 unchanged');
    expect(place.vmPrincipal).toBe(principal);
    expect(JSON.stringify(place.only(TYPES.securityGroup))).toContain('198.51.100.0/24');
    expect(textAt(place.only(TYPES.vm), 'properties', 'osProfile', 'adminUsername')).toBe('azureuser');
  });

  it('is made anew with --replace-vm, and the rights go over to its new identity', async () => {
    const stdout = await place.succeed([
      'provision',
      '--yes',
      '--replace-vm',
      '--admin-user',
      'trainer',
      '--ssh-sources',
      '198.51.100.0/24',
    ]);
    expect(stdout).toContain('2 to create, 0 to change, 1 to replace, 2 to delete, 11 unchanged');
    expect(stdout).toMatch(/^ {4}Compute\/virtualMachines warpdrive-forge-vm: deleted in /m);
    const renewed = place.vmPrincipal;
    expect(renewed).not.toBe(principal);
    expect(place.rights()).toEqual(
      [`${CALLER} ${CONTRIBUTOR}`, `${CALLER} ${CONTRIBUTOR}`, `${renewed} ${READER}`, `${renewed} ${READER}`].sort(),
    );
    expect(outputsOf(place).vm).toMatchObject({ adminUser: 'trainer', principalId: renewed });
    expect(place.file('.warpforge/.env.generated')).toContain(`VM_PRINCIPAL_ID="${renewed}"`);
    const { code } = await place.run(['plan', '--admin-user', 'trainer', '--ssh-sources', '198.51.100.0/24']);
    expect(code).toBe(0);
  });

  it('cannot be both kept and made anew', async () => {
    const { code, stderr } = await place.runAsProcess(['provision', '--keep-vm', '--replace-vm']);
    expect(code).toBe(2);
    expect(stderr).toContain("option '--keep-vm' cannot be used with option '--replace-vm'");
  });
});

describe('a VM that somebody has deleted', () => {
  it('comes back with rights of its own', async () => {
    await using place = await Workplace.open(storage);
    await place.succeed(['provision', '--yes']);
    const gone = place.vmPrincipal;
    place.manager.remove(textAt(place.only(TYPES.vm), 'id'));
    const stdout = await place.succeed(['provision', '--yes']);
    expect(stdout).toContain('3 to create, 0 to change, 0 to replace, 2 to delete, 11 unchanged');
    expect(place.rights().filter((right) => right.endsWith(READER))).toEqual(Array<string>(2).fill(`${place.vmPrincipal} ${READER}`));
    expect(place.vmPrincipal).not.toBe(gone);
  });
});
