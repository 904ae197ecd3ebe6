import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { warpforgeInfra } from './program.ts';

const SUBSCRIPTION = { AZURE_SUBSCRIPTION_ID: '11111111-2222-3333-4444-555555555555' };
const folder = mkdtempSync(join(tmpdir(), 'warpforge-plan-'));
afterAll(() => rmSync(folder, { recursive: true }));

interface PlanJson {
  readonly resources: { action: string; type: string; name: string; location: string | null; properties: unknown }[];
  readonly template: { resources: { type: string; properties: { template?: { resources: { type: string }[] } } }[] };
  readonly settings: Record<string, { value: string; from: string; place: string }>;
}

describe('plan --offline', () => {
  it('needs no sign-in, no key and no address, says what stands in for them, and ends with 0', async () => {
    const { status, stdout, stderr } = await warpforgeInfra(['plan', '--offline'], { cwd: folder });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    await expect(stdout).toMatchFileSnapshot('golden/plan-offline.txt');
  });

  it('shows settings with where they come from: a flag before a variable before the file', async () => {
    const cwd = mkdtempSync(join(folder, 'settings-'));
    writeFileSync(
      join(cwd, 'warpforge.yaml'),
      'vm_size: Standard_D2s_v5\nlocation_b: eastus\nvm_name: from-file\ntags: { owner: vision }\nssh_sources: [198.51.100.0/24]\n',
    );
    const env = { ...SUBSCRIPTION, VM_SIZE: 'Standard_D8s_v5', VM_NAME: 'from-variable', VM_SPOT: 'true' };
    const { status, stdout, stderr } = await warpforgeInfra(['plan', '--offline', '--vm-size', 'Standard_L8s_v3'], { cwd, env });
    expect(stderr).toBe('');
    expect(status).toBe(0);
    await expect(stdout).toMatchFileSnapshot('golden/plan-settings.txt');
  });

  it('prints one JSON object with the resources and the template as it would be deployed', async () => {
    const { status, stdout } = await warpforgeInfra(['plan', '--offline', '--json'], { cwd: folder, env: SUBSCRIPTION });
    expect(status).toBe(0);
    const { resources, template, settings } = JSON.parse(stdout) as PlanJson;
    expect(resources.map(({ type }) => type.split('/').at(-1))).toEqual([
      ...['resourceGroups', 'storageAccounts', 'containers', 'storageAccounts', 'containers', 'networkSecurityGroups', 'virtualNetworks'],
      ...['publicIPAddresses', 'networkInterfaces', 'virtualMachines'],
      ...Array<string>(4).fill('roleAssignments'),
    ]);
    for (const resource of resources)
      expect(Object.keys(resource)).toEqual(expect.arrayContaining(['type', 'name', 'location', 'properties']));
    const inner = template.resources.flatMap(({ type, properties }) => [
      type,
      ...(properties.template?.resources ?? []).map((one) => one.type),
    ]);
    expect(inner.filter((type) => type === 'Microsoft.Compute/virtualMachines')).toHaveLength(1);
    expect(settings['vm_size']).toEqual({ value: 'Standard_D4s_v5', from: 'default', place: 'default' });
    // What changes with every version of the programs is the user data and its hash.
    const stable = JSON.stringify(template, undefined, 2)
      .replace(/("customData": )"[^"]*"/, '$1"…"')
      .replace(/("warpforge-write-only": )"[^"]*"/, '$1"…"');
    await expect(`${stable}\n`).toMatchFileSnapshot('golden/template.json');
  });

  it('gives the same names in every run and other names in another subscription', async () => {
    const names = async (env: Record<string, string>): Promise<string[]> => {
      const { stdout } = await warpforgeInfra(['plan', '--offline', '--json'], { cwd: folder, env });
      return (JSON.parse(stdout) as PlanJson).resources.map(({ name }) => name);
    };
    expect(await names(SUBSCRIPTION)).toEqual(await names(SUBSCRIPTION));
    expect(await names(SUBSCRIPTION)).not.toEqual(await names({ AZURE_SUBSCRIPTION_ID: '22222222-2222-3333-4444-555555555555' }));
  });

  it('reads a key only where it is named, and says what is wrong with it', async () => {
    const missing = await warpforgeInfra(['plan', '--offline', '--ssh-public-key', join(folder, 'none.pub')], { cwd: folder });
    expect(missing.status).toBe(1);
    expect(missing.stderr).toContain('there is no public SSH key');
    writeFileSync(join(folder, 'id'), '-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0\n-----END OPENSSH PRIVATE KEY-----\n');
    const secret = await warpforgeInfra(['plan', '--offline', '--ssh-public-key', join(folder, 'id')], { cwd: folder });
    expect(secret.status).toBe(1);
    expect(secret.stderr).toMatch(/private key/i);
    expect(secret.stderr).not.toContain('c2VjcmV0');
  });

  it('never shows open SSH, whoever asks for it', async () => {
    const { status, stderr } = await warpforgeInfra(['plan', '--offline', '--ssh-sources', '0.0.0.0/0'], { cwd: folder });
    expect(status).toBe(2);
    expect(stderr).toContain('must not open port 22 to every address');
  });
});

describe('plan without a sign-in', () => {
  it('ends with 1 and says how to sign in', async () => {
    const home = mkdtempSync(join(folder, 'home-'));
    writeFileSync(join(home, 'key.pub'), `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${'A'.repeat(43)} test\n`);
    const env = {
      ...SUBSCRIPTION,
      HOME: home,
      AZURE_TOKEN_CREDENTIALS: 'AzureCliCredential',
      PATH: '/nowhere',
      SSH_PUBLIC_KEY: join(home, 'key.pub'),
    };
    const { status, stderr } = await warpforgeInfra(['plan'], { cwd: folder, env });
    expect(status).toBe(1);
    expect(stderr).toContain('could not sign in to Azure: run "az login"');
  });

  it('ends with 2 when no subscription is given, and says how to give it', async () => {
    const key = join(folder, 'key.pub');
    writeFileSync(key, `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${'A'.repeat(43)} test\n`);
    const { status, stderr } = await warpforgeInfra(['plan', '--ssh-public-key', key], { cwd: folder });
    expect(status).toBe(2);
    expect(stderr).toContain('export AZURE_SUBSCRIPTION_ID="$(az account show --query id --output tsv)"');
  });
});
