import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { BlobServiceClient } from '@azure/storage-blob';
import { QueueServiceClient } from '@azure/storage-queue';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startAzurite } from '../src/testing/testing.ts';
import { makeCertificate } from './certificate.ts';

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
      expect(azurite.queuePort).toBeUndefined();
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

  it('serves queues beside blobs when asked, and keeps their data too', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'azurite-test-'));
    try {
      const first = await startAzurite({ accounts: [{ name: 'kept' }], directory, queues: true });
      const { port, queuePort, accounts } = first;
      expect(accounts[0]!.queueEndpoint).toBe(`http://127.0.0.1:${queuePort}/kept`);
      const queue = QueueServiceClient.fromConnectionString(accounts[0]!.connectionString).getQueueClient('jobs');
      await queue.create();
      await queue.sendMessage('hello');
      const container = BlobServiceClient.fromConnectionString(accounts[0]!.connectionString).getContainerClient('data');
      await container.create();
      await first[Symbol.asyncDispose]();

      await using second = await startAzurite({ accounts, directory, port, queues: true, queuePort: queuePort! });
      expect(second.accounts).toEqual(accounts);
      expect((await queue.peekMessages()).peekedMessageItems.map(({ messageText }) => messageText)).toEqual(['hello']);
      expect(await container.exists()).toBe(true);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('takes bearer tokens for queues over HTTPS', async () => {
    using certificate = await makeCertificate();
    const trusted = getCACertificates('default');
    setDefaultCACertificates([...trusted, certificate.cert]);
    onTestFinished(() => setDefaultCACertificates(trusted));
    await using azurite = await startAzurite({ accounts: [{ name: 'secure' }], queues: true, tls: certificate });
    const { queueEndpoint } = azurite.accounts[0]!;
    const seconds = Math.floor(Date.now() / 1000);
    const claims = {
      aud: 'https://storage.azure.com',
      iss: 'https://sts.windows.net/tenant/',
      iat: seconds,
      nbf: seconds,
      exp: seconds + 3600,
    };
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const token = `${part({ alg: 'none', typ: 'JWT' })}.${part(claims)}.none`;
    const credential = { getToken: () => Promise.resolve({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) };
    const queue = new QueueServiceClient(queueEndpoint!, credential).getQueueClient('jobs');
    await queue.create();
    expect((await queue.sendMessage('hello')).messageId).not.toBe('');
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
