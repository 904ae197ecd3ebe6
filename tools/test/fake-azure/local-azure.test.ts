import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob';
import { DEFAULT_PRINCIPAL, issueToken, type FakeAzure } from '@warpforge/azure-infra/testing';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLocalAzure } from '../../fake-azure/local-azure.ts';

const run = promisify(execFile);
const VM_IDENTITY = 'd8c95a5e-2d3d-4b37-9d0a-2b6f1f7f0001';
const READER = '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1';
const CONTRIBUTOR = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe';

describe('local azure', () => {
  let azure: FakeAzure;
  let group: string;
  let account: string;
  let container: string;
  beforeAll(async () => {
    azure = await startLocalAzure({ path: process.env['PATH'] ?? '' });
    group = `/subscriptions/${azure.resourceManager.subscriptionId}/resourceGroups/rg`;
    account = `${group}/providers/Microsoft.Storage/storageAccounts/shards`;
    container = `${account}/blobServices/default/containers/train`;
  });
  afterAll(() => azure[Symbol.asyncDispose]());

  const place = (id: string, body: Parameters<FakeAzure['resourceManager']['place']>[1] = {}): void =>
    azure.resourceManager.place(id, body);
  const placeStorage = (): void => {
    place(group);
    place(account);
    place(container);
  };
  let assignments = 0;
  const assign = (principalId: string, role: string): void => {
    const name = `00000000-0000-4000-8000-${String((assignments += 1)).padStart(12, '0')}`;
    const roleDefinitionId = `/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/${role}`;
    place(`${container}/providers/Microsoft.Authorization/roleAssignments/${name}`, { properties: { principalId, roleDefinitionId } });
  };
  const endpoint = (): string => {
    const shown = azure.resourceManager.resource(account) as { properties: { primaryEndpoints: { blob: string } } };
    return shown.properties.primaryEndpoints.blob;
  };
  const client = (): ContainerClient => {
    const expiresOnTimestamp = Date.now() + 3_600_000;
    const times = { issuedAt: new Date(), expiresAt: new Date(expiresOnTimestamp) };
    const { tenantId } = azure.resourceManager;
    const { objectId } = DEFAULT_PRINCIPAL;
    const token = issueToken({ objectId, kind: 'user', tenantId, audience: 'https://storage.azure.com', ...times });
    const options = { tlsOptions: { ca: azure.certificate }, retryOptions: { maxTries: 1 } };
    const credential = { getToken: () => Promise.resolve({ token, expiresOnTimestamp }) };
    return new BlobServiceClient(endpoint(), credential, options).getContainerClient('train');
  };
  const names = async (): Promise<string[]> => {
    const found: string[] = [];
    for await (const { name } of client().listBlobsFlat()) found.push(name);
    return found;
  };

  it('has the blobs of what Resource Manager has, for who has the role once that has an effect', async () => {
    placeStorage();
    await expect(names()).rejects.toMatchObject({ code: 'AuthorizationPermissionMismatch' });
    assign(DEFAULT_PRINCIPAL.objectId, CONTRIBUTOR);
    await expect(names()).rejects.toMatchObject({ code: 'AuthorizationPermissionMismatch' });
    await client().getBlockBlobClient('shard').upload('content', 7);
    expect(await names()).toEqual(['shard']);
  });

  it('has nothing of what was deleted, and nothing left when it is made again', async () => {
    placeStorage();
    assign(DEFAULT_PRINCIPAL.objectId, CONTRIBUTOR);
    azure.resourceManager.clock.advance(60);
    await client().getBlockBlobClient('old').upload('content', 7);
    const before = client();
    azure.resourceManager.remove(group);
    await expect(before.exists()).resolves.toBe(false);
    placeStorage();
    assign(DEFAULT_PRINCIPAL.objectId, CONTRIBUTOR);
    azure.resourceManager.clock.advance(60);
    expect(await names()).toEqual([]);
  });

  it('lets the daemon on the VM read with the VM’s identity and the file of its variables', async () => {
    placeStorage();
    assign(DEFAULT_PRINCIPAL.objectId, CONTRIBUTOR);
    azure.resourceManager.clock.advance(60);
    await client().getBlockBlobClient('train/shard 0.tar').upload('content of a shard', 18);
    const vm = `${group}/providers/Microsoft.Compute/virtualMachines/vm`;
    place(vm, { identity: { type: 'SystemAssigned', principalId: VM_IDENTITY } });
    const read = async (): Promise<string> => {
      const program = join(import.meta.dirname, 'programs/read-on-vm.ts');
      const script = `set -a; . '${azure.vmEnvironmentFile}'; exec "$0" --conditions=@warpforge/source "$@"`;
      const args = ['-c', script, process.execPath, program, endpoint(), 'train', 'train/shard 0.tar'];
      return (await run('/bin/sh', args, { env: {} })).stdout;
    };
    await expect(read()).rejects.toThrow(/AuthorizationPermissionMismatch|BLOB_ACCESS_DENIED/);
    assign(VM_IDENTITY, READER);
    azure.resourceManager.clock.advance(60);
    expect(await read()).toBe('content of a shard');
  });

  it('gives a shell the variables by a file that only its owner reads', async () => {
    const { stdout } = await run('/bin/sh', ['-c', `. '${azure.environmentFile}'; command -v az; env`], { env: { PATH: '/usr/bin:/bin' } });
    const lines = stdout.trimEnd().split('\n');
    const { PATH: path, ...variables } = azure.environment;
    expect(lines).toEqual(expect.arrayContaining(Object.entries(variables).map(([name, value]) => `${name}=${value}`)));
    expect(lines[0]).toBe(join(path!.split(':')[0]!, 'az'));
    expect((await stat(azure.environmentFile)).mode & 0o777).toBe(0o600);
    expect((await stat(azure.vmEnvironmentFile)).mode & 0o777).toBe(0o600);
    expect(await readFile(azure.environmentFile, 'utf8')).not.toContain('IDENTITY');
  });

  it('leaves nothing behind', async () => {
    const other = await startLocalAzure({ path: '' });
    const folder = dirname(other.environmentFile);
    const certificate = other.environment['NODE_EXTRA_CA_CERTS']!;
    expect([existsSync(folder), existsSync(certificate)]).toEqual([true, true]);
    await other[Symbol.asyncDispose]();
    expect([existsSync(folder), existsSync(certificate)]).toEqual([false, false]);
  });
});
