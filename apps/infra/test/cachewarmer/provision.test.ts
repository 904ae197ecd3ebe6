import { makeCertificate, startFakeAzure, type FakeAzure } from '@warpforge/azure-infra/testing';
import { startAzurite } from '@warpforge/blob-backend/testing';
import { Command } from 'commander';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { addCacheWarmerProvision } from '../../src/commands/cachewarmer/provision.ts';
import { addCacheWarmerTeardown } from '../../src/commands/cachewarmer/teardown.ts';
import { resolveContext } from '../../src/command-context.ts';

// In this process, since each start of the program takes a second; what is started is the Azure CLI's stand-in alone.
const folder = mkdtempSync(join(tmpdir(), 'warpforge-cachewarmer-'));
const owned = new AsyncDisposableStack();
const trusted = getCACertificates('default');
let azure: FakeAzure;

beforeAll(async () => {
  owned.defer(() => rmSync(folder, { recursive: true }));
  const certificate = owned.use(await makeCertificate());
  const azurite = owned.use(await startAzurite({ accounts: [{ name: 'upstream' }], tls: certificate }));
  azure = owned.use(
    await startFakeAzure({
      upstream: { url: azurite.accounts[0]?.blobEndpoint ?? '', certificate: certificate.cert },
      directory: join(folder, 'azure'),
      path: process.env['PATH'] ?? '',
      // So much passes with each look that nobody waits for the next.
      resourceManager: { pollSeconds: 600 },
    }),
  );
  setDefaultCACertificates([...trusted, azure.certificate]);
  owned.defer(() => setDefaultCACertificates(trusted));
  writeFileSync(join(folder, 'key.pub'), `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${'A'.repeat(43)} test\n`);
  for (const [name, value] of Object.entries({ ...azure.environment, SSH_PUBLIC_KEY: join(folder, 'key.pub') })) vi.stubEnv(name, value);
}, 60_000);

afterAll(async () => {
  vi.unstubAllEnvs();
  await owned.disposeAsync();
});

/** Runs a command, and returns what it prints and its exit code. */
async function run(...args: string[]): Promise<{ out: string; code: number | string | null | undefined }> {
  const group = new Command('cachewarmer').exitOverride();
  addCacheWarmerProvision(group, resolveContext);
  addCacheWarmerTeardown(group, resolveContext);
  let out = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += String(text);
    return true;
  });
  try {
    await group.parseAsync([...args, '--output-dir', join(folder, 'out')], { from: 'user' });
    return { out, code: process.exitCode };
  } finally {
    write.mockRestore();
    process.exitCode = undefined;
  }
}

const OUTPUTS = join(folder, 'out', 'cachewarmer-outputs.json');

describe('cachewarmer provision and teardown', () => {
  it('make it, leave it as it is the next time, and remove all of it', { timeout: 60_000 }, async () => {
    const planned = await run('provision', '--plan');
    expect(planned.code).toBe(2);
    expect(planned.out).toContain('Environment warpdrive-forge-cachewarmer in resource group warpdrive-forge-rg-cachewarmer');
    expect(planned.out).toMatch(/\n31 to create, 0 to change/);
    expect(azure.resourceManager.resources('Microsoft.Storage/storageAccounts')).toEqual([]);

    const made = await run('provision', '--yes');
    expect(made.out).toContain('==> Deploying (warpforge-warpdrive-forge-cachewarmer-');
    expect(made.out).toMatch(/\nController {7}cw-controller, ssh azureuser@127\.0\.0\.1\n/);
    const outputs = JSON.parse(readFileSync(OUTPUTS, 'utf8')) as { storage: { account: string }; identities: unknown };
    expect(outputs).toMatchObject({ version: 1, queuePrefix: 'cw', scaleSet: { name: 'cw-workers' }, filer: null });
    expect(made.out).toContain(`cachewarmer submit --storage-account ${outputs.storage.account} --queue-prefix cw`);
    expect(outputs.identities).toMatchObject({
      manager: { clientId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string },
      workers: { clientId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string },
    });

    const again = await run('provision', '--yes');
    expect(again.out).toMatch(/\n0 to create, 0 to change, 0 to replace, 0 to delete, 31 unchanged/);

    const dry = await run('teardown', '--dry-run');
    expect(dry.out).toContain('  - the role Warpforge CacheWarmer manager itself\n');
    expect(dry.out).toMatch(/role Warpforge CacheWarmer queue user of [0-9a-f-]+ on wdforgec\w+\/cwwork\n/);
    const gone = await run('teardown', '--force');
    expect(gone.out).toContain('The environment warpdrive-forge-cachewarmer is gone');
    expect(existsSync(OUTPUTS)).toBe(false);
    // What stays is the owner's own role on the subscription, and the records of deployments.
    const left = azure.resourceManager.resources().filter(({ type }) => type !== 'Microsoft.Resources/deployments');
    expect(left.map(({ type }) => type)).toEqual(['Microsoft.Authorization/roleAssignments']);
  });
});
