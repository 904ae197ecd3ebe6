import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { BlobServiceClient } from '@azure/storage-blob';
import { describe, expect, it } from 'vitest';
import { startAzurite } from '../src/testing/testing.ts';

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

describe('startAzurite', () => {
  it('serves each account with its own key until it is disposed', async () => {
    let pid: number;
    {
      await using azurite = await startAzurite({ accounts: [{ name: 'canadacentral' }, { name: 'westus3' }] });
      pid = azurite.pid;
      const [canada, west] = azurite.accounts;
      expect(canada!.key).not.toBe(west!.key);
      for (const { name, connectionString, blobEndpoint } of azurite.accounts) {
        expect(blobEndpoint).toBe(`http://127.0.0.1:${azurite.port}/${name}`);
        await BlobServiceClient.fromConnectionString(connectionString).createContainer(`only-${name}`);
      }
      const listed: string[] = [];
      for await (const container of BlobServiceClient.fromConnectionString(canada!.connectionString).listContainers())
        listed.push(container.name);
      expect(listed).toEqual(['only-canadacentral']);
    }
    expect(isAlive(pid)).toBe(false);
  });

  it('keeps the data of a directory over a restart on the same port with the same key', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'azurite-test-'));
    try {
      const first = await startAzurite({ accounts: [{ name: 'kept' }], directory });
      const { port, accounts } = first;
      const container = BlobServiceClient.fromConnectionString(accounts[0]!.connectionString).getContainerClient('data');
      await container.create();
      await container.getBlockBlobClient('a').upload('hello', 5);
      await first[Symbol.asyncDispose]();

      await using second = await startAzurite({ accounts, directory, port });
      expect(second.accounts).toEqual(accounts);
      expect((await container.getBlockBlobClient('a').downloadToBuffer()).toString()).toBe('hello');
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('ends with its parent, even when the parent is killed', async () => {
    const program = new URL('./programs/start-azurite.ts', import.meta.url).pathname;
    const parent = spawn(process.execPath, ['--conditions=@warpforge/source', program], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(createInterface({ input: parent.stdout }), 'line')) as [string];
    const pid = Number(line);
    expect(isAlive(pid)).toBe(true);
    parent.kill('SIGKILL');
    await once(parent, 'close');
    await expect.poll(() => isAlive(pid), { timeout: 20_000 }).toBe(false);
  });

  it('says why it could not start', async () => {
    await using azurite = await startAzurite({ accounts: [{ name: 'first' }] });
    await expect(startAzurite({ accounts: [{ name: 'second' }], port: azurite.port })).rejects.toMatchObject({
      code: 'AZURITE_START',
      message: expect.stringContaining('EADDRINUSE') as string,
    });
    await expect(startAzurite({ accounts: [{ name: 'No;Good' }] })).rejects.toMatchObject({ code: 'AZURITE_START' });
  });

  it('leaves nothing behind when the start is aborted', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'azurite-test-'));
    const reason = new Error('changed my mind');
    await expect(startAzurite({ accounts: [{ name: 'first' }], signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const starting = startAzurite({ accounts: [{ name: 'first' }], directory, signal: controller.signal });
    controller.abort(reason);
    await expect(starting).rejects.toBe(reason);
    expect(await readdir(directory)).toEqual([]);
    await rm(directory, { recursive: true });
  });
});
