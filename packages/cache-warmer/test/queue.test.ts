import { QueueServiceClient } from '@azure/storage-queue';
import { startAzurite, type Azurite } from '@warpforge/blob-backend/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AzureQueue } from '../src/queue/azure-queue.ts';
import { MemoryQueue, queueConformance } from '../src/testing/testing.ts';

const signal = new AbortController().signal;
/** The clock of the service does not stand still in a test; this one does. */
const START = Date.UTC(2026, 0, 1);

describe('MemoryQueue', () => {
  const cases = queueConformance(async () => {
    let now = START;
    const queue = new MemoryQueue('cwwork', () => now);
    await queue.create(signal);
    return {
      queue,
      missing: new MemoryQueue('missing', () => now),
      pass: (seconds: number) => void (now += seconds * 1000),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  });
  for (const { name, run } of cases) it(name, run);
});

describe('AzureQueue on Azurite', () => {
  let azurite: Azurite;
  let service: QueueServiceClient;
  let queues = 0;

  beforeAll(async () => {
    azurite = await startAzurite({ accounts: [{ name: 'warmer' }], queues: true });
    service = QueueServiceClient.fromConnectionString(azurite.accounts[0]!.connectionString, { retryOptions: { maxTries: 1 } });
  });
  afterAll(() => azurite[Symbol.asyncDispose]());

  const cases = queueConformance(async () => {
    queues += 1;
    const queue = new AzureQueue(service.getQueueClient(`cwwork-${queues}`));
    await queue.create(signal);
    const missing = new AzureQueue(service.getQueueClient(`missing-${queues}`));
    return { queue, missing, [Symbol.asyncDispose]: () => Promise.resolve() };
  });
  for (const { name, run } of cases) it.concurrent(name, run);

  it('keeps a message until it is deleted', async () => {
    const client = service.getQueueClient('forever');
    await client.create();
    await new AzureQueue(client).send('a', signal);
    const { peekedMessageItems } = await client.peekMessages();
    expect(peekedMessageItems[0]!.expiresOn.getUTCFullYear()).toBe(9999);
  });

  it('says what to check when it is denied', async () => {
    const [account] = azurite.accounts;
    const wrong = account!.connectionString.replace(account!.key, Buffer.from('not the key').toString('base64'));
    const queue = new AzureQueue(QueueServiceClient.fromConnectionString(wrong).getQueueClient('cwwork'));
    await expect(queue.receive(1, 1, signal)).rejects.toMatchObject({
      code: 'QUEUE_DENIED',
      message: expect.stringMatching(/^queue cwwork: receive was denied \(403 \w+\); .*Storage Queue Data Contributor/) as string,
    });
  });

  it('says which queue and method failed when there is no answer', async () => {
    const client = new QueueServiceClient('http://127.0.0.1:1/warmer', undefined, { retryOptions: { maxTries: 1 } }).getQueueClient(
      'cwwork',
    );
    await expect(new AzureQueue(client).send('a', signal)).rejects.toMatchObject({
      code: 'QUEUE_FAILED',
      message: expect.stringMatching(/^queue cwwork: send failed: .*ECONNREFUSED/) as string,
      cause: expect.any(Error) as Error,
    });
  });
});
