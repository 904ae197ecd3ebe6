import { QueueClient } from '@azure/storage-queue';
import { issueToken, makeCertificate, startFakeAzure, type FakeAzure } from '@warpforge/azure-infra/testing';
import { startAzurite, type Azurite } from '@warpforge/blob-backend/testing';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

const SUBSCRIPTION = '/subscriptions/5b5b5b5b-0000-4000-a000-00000000000b';
const GROUP = `${SUBSCRIPTION}/resourceGroups/rg`;
const ACCOUNT = `${GROUP}/providers/Microsoft.Storage/storageAccounts/acc`;
const JOBS = `${ACCOUNT}/queueServices/default/queues/jobs`;
const OWNER = 'aaaaaaaa-0000-4000-8000-000000000001';
const PEOPLE = {
  contributor: 'aaaaaaaa-0000-4000-8000-000000000002',
  processor: 'aaaaaaaa-0000-4000-8000-000000000003',
  sender: 'aaaaaaaa-0000-4000-8000-000000000004',
  reader: 'aaaaaaaa-0000-4000-8000-000000000005',
  newcomer: 'aaaaaaaa-0000-4000-8000-000000000006',
};
const role = (name: string, scope = JOBS): { role: string; scope: string } => ({ role: `Storage Queue Data ${name}`, scope });
const HOUR_MS = 3_600_000;
const REFUSED = { statusCode: 403, code: 'AuthorizationPermissionMismatch' };

describe('queues of the double of Azure, kept by Azurite', () => {
  let directory: string;
  let azurite: Azurite;
  let azure: FakeAzure;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'queue-gate-'));
    await using certificate = await makeCertificate();
    azurite = await startAzurite({ accounts: [{ name: 'upstream' }], queues: true, tls: certificate });
    const { blobEndpoint, queueEndpoint = '' } = azurite.accounts[0]!;
    azure = await startFakeAzure({
      upstream: { url: blobEndpoint, certificate: certificate.cert },
      queueUpstream: { url: queueEndpoint, certificate: certificate.cert },
      directory,
      path: '',
      resourceManager: {
        principals: [
          { objectId: OWNER, type: 'User', roles: ['Owner'] },
          { objectId: PEOPLE.contributor, type: 'User', roles: [role('Contributor', ACCOUNT)] },
          { objectId: PEOPLE.processor, type: 'User', roles: [role('Message Processor')] },
          { objectId: PEOPLE.sender, type: 'User', roles: [role('Message Sender')] },
          { objectId: PEOPLE.reader, type: 'User', roles: [role('Reader')] },
          { objectId: PEOPLE.newcomer, type: 'User' },
        ],
      },
    });
    await put(`${GROUP}?api-version=2024-03-01`, { location: 'eastus' });
    await put(`${ACCOUNT}?api-version=2024-01-01`, { location: 'eastus', kind: 'StorageV2', sku: { name: 'Standard_LRS' } });
    azure.resourceManager.clock.advance(60);
    await put(`${JOBS}?api-version=2024-01-01`, {});
  });
  afterAll(async () => {
    await azure[Symbol.asyncDispose]();
    await azurite[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });
  beforeEach(() => queue(PEOPLE.contributor).clearMessages());

  const tokenOf = (objectId: string, audience: string): string =>
    issueToken({ objectId, kind: 'user', tenantId: azure.resourceManager.tenantId, audience, ...life() });
  const life = (): { issuedAt: Date; expiresAt: Date } => ({ issuedAt: new Date(), expiresAt: new Date(Date.now() + HOUR_MS) });
  const put = async (path: string, body: object, method = 'PUT'): Promise<void> => {
    const authorization = `Bearer ${tokenOf(OWNER, 'https://management.azure.com')}`;
    const url = `https://management.azure.com${path}`;
    const answer = await azure.resourceManager.handle({ method, url, headers: { authorization }, body: JSON.stringify(body) });
    expect(answer.status, answer.body).toBeLessThan(300);
  };
  const queue = (objectId: string): QueueClient => {
    const { queue: endpoint } = (azure.resourceManager.resource(ACCOUNT) as { properties: { primaryEndpoints: { queue: string } } })
      .properties.primaryEndpoints;
    const token = tokenOf(objectId, 'https://storage.azure.com');
    const credential = { getToken: () => Promise.resolve({ token, expiresOnTimestamp: Date.now() + HOUR_MS }) };
    const options = { tlsOptions: { ca: azure.certificate }, retryOptions: { maxTries: 1 } };
    return new QueueClient(`${endpoint}jobs`, credential, options);
  };

  it('let a contributor do everything with messages', async () => {
    const client = queue(PEOPLE.contributor);
    await client.sendMessage('hello');
    const [received] = (await client.receiveMessages({ visibilityTimeout: 30 })).receivedMessageItems;
    const renewed = await client.updateMessage(received!.messageId, received!.popReceipt, undefined, 60);
    await expect(client.deleteMessage(received!.messageId, received!.popReceipt)).rejects.toMatchObject({ code: 'PopReceiptMismatch' });
    await client.deleteMessage(received!.messageId, renewed.popReceipt!);
    expect((await client.getProperties()).approximateMessagesCount).toBe(0);
  });

  it('let others do what their role is for', async () => {
    const [processor, sender, reader] = [queue(PEOPLE.processor), queue(PEOPLE.sender), queue(PEOPLE.reader)];
    await sender.sendMessage('one');
    await expect(sender.receiveMessages()).rejects.toMatchObject(REFUSED);
    await expect(sender.peekMessages()).rejects.toMatchObject(REFUSED);
    expect((await reader.peekMessages()).peekedMessageItems).toMatchObject([{ messageText: 'one' }]);
    expect((await reader.getProperties()).approximateMessagesCount).toBe(1);
    await expect(reader.receiveMessages()).rejects.toMatchObject(REFUSED);
    await expect(processor.sendMessage('two')).rejects.toMatchObject(REFUSED);
    await expect(processor.getProperties()).rejects.toMatchObject(REFUSED);
    const [received] = (await processor.receiveMessages()).receivedMessageItems;
    // Putting off takes the right to write, which Azure's role for processing does not have.
    await expect(processor.updateMessage(received!.messageId, received!.popReceipt, undefined, 5)).rejects.toMatchObject(REFUSED);
    await processor.deleteMessage(received!.messageId, received!.popReceipt);
    await expect(processor.delete()).rejects.toMatchObject(REFUSED);
  });

  it('do not open to who owns the subscription alone', async () => {
    await expect(queue(OWNER).getProperties()).rejects.toMatchObject(REFUSED);
    await expect(queue(OWNER).peekMessages()).rejects.toMatchObject(REFUSED);
  });

  it('open when a role has propagated, and fail when told to', async () => {
    const reader = '19e7f393-937e-4f77-808e-94535e297925';
    const client = queue(PEOPLE.newcomer);
    await put(`${JOBS}/providers/Microsoft.Authorization/roleAssignments/cccccccc-0000-4000-8000-000000000001?api-version=2022-04-01`, {
      properties: {
        principalId: PEOPLE.newcomer,
        roleDefinitionId: `${SUBSCRIPTION}/providers/Microsoft.Authorization/roleDefinitions/${reader}`,
      },
    });
    await expect(client.peekMessages()).rejects.toMatchObject(REFUSED);
    azure.resourceManager.clock.advance(30);
    expect((await client.peekMessages()).peekedMessageItems).toEqual([]);
    azure.queueGate!.inject({ kind: 'busy', path: /\/jobs\// });
    await expect(client.peekMessages()).rejects.toMatchObject({ statusCode: 503, code: 'ServerBusy' });
  });

  it('go when Resource Manager deletes them', async () => {
    await queue(PEOPLE.contributor).sendMessage('gone');
    await put(`${JOBS}?api-version=2024-01-01`, {}, 'DELETE');
    await expect(queue(PEOPLE.contributor).peekMessages()).rejects.toMatchObject({ statusCode: 404, code: 'QueueNotFound' });
    await put(`${JOBS}?api-version=2024-01-01`, {});
    expect((await queue(PEOPLE.contributor).peekMessages()).peekedMessageItems).toEqual([]);
  });
});
