import { BlobServiceClient } from '@azure/storage-blob';
import { startAzurite, type Azurite } from '@warpforge/blob-backend/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AzureRecords } from '../src/records/azure-records.ts';
import { MemoryRecords, recordsConformance } from '../src/testing/testing.ts';

const signal = new AbortController().signal;
const START = Date.UTC(2026, 0, 1);

describe('MemoryRecords', () => {
  const cases = recordsConformance(async () => {
    let now = START;
    const records = new MemoryRecords('cwrecords', () => now);
    await records.create(signal);
    return {
      records,
      missing: new MemoryRecords('missing', () => now),
      pass: (seconds: number) => void (now += seconds * 1000),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  });
  for (const { name, run } of cases) it(name, run);
});

describe('AzureRecords on Azurite', () => {
  let azurite: Azurite;
  let service: BlobServiceClient;
  let containers = 0;

  beforeAll(async () => {
    azurite = await startAzurite({ accounts: [{ name: 'warmer' }] });
    service = BlobServiceClient.fromConnectionString(azurite.accounts[0]!.connectionString, { retryOptions: { maxTries: 1 } });
  });
  afterAll(() => azurite[Symbol.asyncDispose]());

  const cases = recordsConformance(async () => {
    containers += 1;
    const records = new AzureRecords(service.getContainerClient(`cwrecords-${containers}`));
    await records.create(signal);
    const missing = new AzureRecords(service.getContainerClient(`missing-${containers}`));
    return { records, missing, [Symbol.asyncDispose]: () => Promise.resolve() };
  });
  for (const { name, run } of cases) it(name, run);

  it('says what to check when it is denied', async () => {
    const [account] = azurite.accounts;
    const wrong = account!.connectionString.replace(account!.key, Buffer.from('not the key').toString('base64'));
    const records = new AzureRecords(BlobServiceClient.fromConnectionString(wrong).getContainerClient('cwrecords'));
    for (const ask of [() => records.read('a', {}, signal), () => records.exists('a', signal)]) {
      await expect(ask()).rejects.toMatchObject({
        code: 'RECORD_DENIED',
        message: expect.stringMatching(/^container cwrecords: \w+ of a was denied \(403 \w*\); .*Storage Blob Data Contributor/) as string,
      });
    }
  });

  it('says which record and method failed when there is no answer', async () => {
    const client = new BlobServiceClient('http://127.0.0.1:1/warmer', undefined, { retryOptions: { maxTries: 1 } });
    await expect(new AzureRecords(client.getContainerClient('cwrecords')).write('a', 'x', {}, signal)).rejects.toMatchObject({
      code: 'RECORD_FAILED',
      message: expect.stringMatching(/^container cwrecords: write of a failed: .*ECONNREFUSED/) as string,
    });
  });
});
