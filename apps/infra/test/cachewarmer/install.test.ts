import { writeCacheWarmerOutputs, type CacheWarmerOutputs } from '@warpforge/azure-infra';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { warpforgeInfra, type Ended } from '../program.ts';

const folder = mkdtempSync(join(tmpdir(), 'warpforge-install-'));
const packages = join(folder, 'packages');
const SUBSCRIPTION = '11111111-2222-3333-4444-555555555555';
const IDENTITY = `/subscriptions/${SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/cw-manager`;

const outputs: CacheWarmerOutputs = {
  version: 1,
  environment: 'test',
  subscriptionId: SUBSCRIPTION,
  resourceGroup: 'rg',
  location: 'westus3',
  queuePrefix: 'render-',
  storage: {
    account: 'cwstore',
    blobEndpoint: 'https://cwstore.blob.core.windows.net',
    queueEndpoint: 'https://cwstore.queue.core.windows.net',
    records: 'render-records',
  },
  scaleSet: { id: `/subscriptions/${SUBSCRIPTION}/scaleSets/cw-workers`, name: 'cw-workers' },
  controller: { name: 'cw-controller', adminUser: 'azureuser', address: '203.0.113.9' },
  identities: {
    manager: { id: IDENTITY, clientId: '0c0c0c0c-0000-4000-8000-00000000000c' },
    workers: { id: IDENTITY.replace('manager', 'workers'), clientId: '0d0d0d0d-0000-4000-8000-00000000000d' },
  },
  filer: null,
};

beforeAll(async () => {
  await writeCacheWarmerOutputs(join(folder, 'provisioned'), outputs);
  mkdirSync(packages);
  writeFileSync(join(packages, 'warpforge-infra-0.1.0.tgz'), 'a tarball');
});
afterAll(() => rmSync(folder, { recursive: true }));

const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> =>
  warpforgeInfra(['cachewarmer', ...args], { env, cwd: folder });

/** What a dry run prints, by the purpose of each command. */
async function dryRun(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Map<string, string>> {
  const { status, stdout, stderr } = await run([...args, '--dry-run'], env);
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const [note, ...commands] = stdout.split(/^# (?=[a-z].*\n(?:ssh|scp|sh|sudo|cp) )/m);
  expect(note).toMatch(/^# Nothing is run\./);
  return new Map(commands.map((text) => [text.slice(0, text.indexOf('\n')), text.slice(text.indexOf('\n') + 1)]));
}

/** The environment file that a script writes, and the settings at its beginning. */
function environmentIn(script = ''): string[] {
  return /environment_lines\(\) \{\ncat <<'\w+'\n# .*\n([^]*?)END/.exec(script)?.[1]?.trim().split('\n') ?? [];
}

function settingIn(script: string | undefined, name: string): string | undefined {
  return new RegExp(`^${name}='(.*)'$`, 'm').exec(script ?? '')?.[1];
}

describe('cachewarmer install-manager', () => {
  it('takes everything from what was provisioned', async () => {
    const commands = await dryRun(['install-manager', '--output-dir', 'provisioned', '--no-proxy', '.example.com']);
    expect([...commands.keys()]).toEqual(['wait for cloud-init to end; again and again until the VM answers', 'install']);
    const install = commands.get('install');
    expect(install).toMatch(
      /^ssh -T .* HostKeyAlias=cw-controller\.0c0c0c0c-0000-4000-8000-00000000000c .* -l azureuser -- 203\.0\.113\.9 /,
    );
    expect(environmentIn(install)).toEqual([
      'CACHEWARMER_QUEUE_PREFIX=render-',
      'AZURE_STORAGE_ACCOUNT=cwstore',
      `AZURE_SUBSCRIPTION_ID=${SUBSCRIPTION}`,
      'CACHEWARMER_RESOURCE_GROUP=rg',
      'CACHEWARMER_SCALE_SET=cw-workers',
      'CACHEWARMER_MAX_WORKERS=8',
      'CACHEWARMER_MAX_INSTANCE_HOURS=24',
    ]);
    expect(settingIn(install, 'IDENTITY_ID')).toBe(IDENTITY);
    expect(settingIn(install, 'PACKAGES')).toBe('registry');
    expect(settingIn(install, 'SERVICE')).toBe('warpforge-cachewarmer-manager');
  });

  it('takes flags and settings before that, and no identity of another machine', async () => {
    const args = [
      '--output-dir',
      join(folder, 'provisioned'),
      '--host',
      '10.0.0.4',
      '--user',
      'me',
      '--port',
      '2222',
      '--queue-prefix',
      'cw',
    ];
    const where = ['--storage-account', 'other', '--scale-set', 'spot', '--resource-group', 'group', '--subscription-id', SUBSCRIPTION];
    const proxy = { CACHEWARMER_HTTPS_PROXY: 'http://proxy:3128' };
    const install = (await dryRun(['install-manager', ...args, ...where, '--max-workers', '3', '--no-proxy', '.example.com'], proxy)).get(
      'install',
    );
    expect(install).toMatch(/^ssh -T .* -p 2222 -l me -- 10\.0\.0\.4 /);
    expect(install).not.toContain('HostKeyAlias');
    expect(environmentIn(install)).toEqual([
      'CACHEWARMER_QUEUE_PREFIX=cw',
      'AZURE_STORAGE_ACCOUNT=other',
      `AZURE_SUBSCRIPTION_ID=${SUBSCRIPTION}`,
      'CACHEWARMER_RESOURCE_GROUP=group',
      'CACHEWARMER_SCALE_SET=spot',
      'CACHEWARMER_MAX_WORKERS=3',
      'CACHEWARMER_MAX_INSTANCE_HOURS=24',
      'https_proxy=http://proxy:3128',
      'HTTPS_PROXY=http://proxy:3128',
      'no_proxy=localhost,127.0.0.1,169.254.169.254,.example.com',
      'NO_PROXY=localhost,127.0.0.1,169.254.169.254,.example.com',
    ]);
    expect(settingIn(install, 'IDENTITY_ID')).toBe('');
  });
});

describe('cachewarmer install-worker', () => {
  it('copies packages, installs them, and takes them away again; here or there', async () => {
    const args = ['install-worker', '--output-dir', join(folder, 'provisioned'), '--packages', packages, '--managed-identity', IDENTITY];
    const there = await dryRun([...args, '--host', '10.0.1.21']);
    expect([...there.keys()].slice(1)).toEqual([
      'make a folder for the packages',
      'see to it that the folder is there',
      'copy the packages',
      'install',
      'remove the folder',
    ]);
    const install = there.get('install');
    expect(settingIn(install, 'PACKAGES')).toBe('/tmp/warpforge-packages-XXXXXXXX');
    expect(settingIn(install, 'RELEASE')).toMatch(/^packages-[0-9a-f]{12}$/);
    expect(settingIn(install, 'SERVICE')).toBe('warpforge-cachewarmer-worker');
    expect(settingIn(install, 'IDENTITY_ID')).toBe(IDENTITY);
    expect(environmentIn(install)).toEqual(['CACHEWARMER_QUEUE_PREFIX=render-', 'AZURE_STORAGE_ACCOUNT=cwstore']);

    const here = await dryRun([...args, '--local']);
    expect([...here.values()].map((text) => text.split(/ <<|\n/)[0])).toEqual([
      'sh',
      'sh',
      `cp -- ${join(packages, 'warpforge-infra-0.1.0.tgz')} /tmp/warpforge-packages-XXXXXXXX`,
      'sudo -n sh',
      'sh',
    ]);
    const script = / <<'END_OF_SCRIPT'\n([^]*)END_OF_SCRIPT/.exec(install ?? '')?.[1] ?? '';
    expect(here.get('install')).toContain(script);
    expect(spawnSync('sh', ['-n'], { input: script, encoding: 'utf8' })).toMatchObject({ status: 0, stderr: '' });
  });

  it('gives no secret to a machine, and says what to do instead', async () => {
    const env = { AZURE_STORAGE_CONNECTION_STRING: 'AccountName=a;AccountKey=c2VjcmV0' };
    const none = await run(['install-worker', '--local'], env);
    expect(none.status).toBe(2);
    expect(none.stderr).toContain('AZURE_STORAGE_CONNECTION_STRING is a secret and does not get to the machine: --help says');
    const { stdout } = await run(['install-worker', '--local', '--storage-account', 'a', '--dry-run'], env);
    expect(stdout).toContain('AZURE_STORAGE_ACCOUNT=a');
    expect(stdout).not.toContain('c2VjcmV0');
  });

  it.each([
    [['install-worker'], 'no storage account is given: "warpforge-infra cachewarmer provision" makes one'],
    [['install-worker', '--storage-account', 'a'], 'no machine is given: name it with --host, or say --local'],
    [['install-manager', '--storage-account', 'a', '--local'], 'no scale set is given: name it with --scale-set'],
    [['install-worker', '--local', '--host', 'vm'], "cannot be used with option '--host <host>'"],
    [
      ['install-worker', '--storage-account', 'a', '--local', '--managed-identity', '/x'],
      'must be the resource id of a user-assigned identity',
    ],
    [['install-worker', '--storage-account', 'a', '--local', '--https-proxy', 'http://me:pw@proxy'], 'without user and password'],
  ])('says what is wrong with %j', async (args, message) => {
    const { status, stdout, stderr } = await run(args);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
    expect(stderr).toContain(message);
  });
});
