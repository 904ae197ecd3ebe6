import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { inspect } from 'node:util';
import { startAzurite, type Azurite } from '@warpforge/blob-backend/testing';
import { generate } from 'selfsigned';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ItemRecords } from '../src/records/item-records.ts';
import { OutcomeSet } from '../src/records/outcome-set.ts';
import { WorkerBeacons } from '../src/records/worker-beacons.ts';
import { storageNames } from '../src/storage-names.ts';
import { openStorage } from '../src/storage.ts';

const signal = new AbortController().signal;

describe('storageNames', () => {
  it('begin with the prefix', () => {
    expect(storageNames('cw')).toEqual({
      jobs: 'cwjob',
      work: 'cwwork',
      jobPoison: 'cwjob-poison',
      workPoison: 'cwwork-poison',
      records: 'cwrecords',
    });
    const longest = 'a'.repeat(52);
    for (const prefix of ['1', 'cw-', 'a-b-2-', longest]) {
      for (const name of Object.values({ ...storageNames(prefix) })) {
        expect(name).toMatch(/^[a-z0-9](-?[a-z0-9])*$/);
        expect(name.length).toBeLessThanOrEqual(63);
      }
    }
  });

  it('refuses a prefix that Azure would, and says what is allowed', () => {
    for (const prefix of ['', '-', '-a', 'a--', 'a--b', 'A', 'a_', 'a.', 'ü', 'a\n', 'a'.repeat(53)]) {
      expect(() => storageNames(prefix), JSON.stringify(prefix)).toThrow(
        expect.objectContaining({
          code: 'PREFIX_INVALID',
          message: expect.stringMatching(/1 to 52 lower-case letters/) as string,
        }) as Error,
      );
    }
  });
});

describe('openStorage', () => {
  let azurite: Azurite;
  let directory: string;
  const trusted = getCACertificates('default');

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'storage-test-'));
    const { cert, private: key } = await generate([{ name: 'commonName', value: '127.0.0.1' }], {
      keyType: 'ec',
      extensions: [
        { name: 'basicConstraints', cA: true },
        { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
      ],
    });
    const tls = { certificateFile: join(directory, 'certificate.pem'), keyFile: join(directory, 'key.pem') };
    await writeFile(tls.certificateFile, cert);
    await writeFile(tls.keyFile, key, { mode: 0o600 });
    setDefaultCACertificates([...trusted, cert]);
    azurite = await startAzurite({ accounts: [{ name: 'warmer' }], queues: true, tls });
  });
  afterAll(async () => {
    await azurite[Symbol.asyncDispose]();
    setDefaultCACertificates(trusted);
    await rm(directory, { recursive: true });
  });

  function credentialOf(audience: string) {
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const seconds = Math.floor(Date.now() / 1000);
    const claims = { aud: audience, iss: 'https://sts.windows.net/tenant/', iat: seconds, nbf: seconds, exp: seconds + 3600 };
    const token = `${part({ alg: 'none', typ: 'JWT' })}.${part(claims)}.none`;
    return { token, getToken: () => Promise.resolve({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) };
  }

  it('makes all that is missing, and the same place is reached by key and by identity', async () => {
    const { name, connectionString, blobEndpoint, queueEndpoint = '' } = azurite.accounts[0]!;
    const byKey = await openStorage({ prefix: 'one-', connectionString });
    await byKey.create(signal);
    await byKey.create(signal);
    const credential = credentialOf('https://storage.azure.com');
    const byIdentity = await openStorage({ prefix: 'one-', account: name, credential, blobEndpoint, queueEndpoint });
    for (const queue of ['jobs', 'work', 'jobPoison', 'workPoison'] as const) {
      await byKey[queue].send(queue, signal);
      expect((await byIdentity[queue].receive(1, 60, signal)).map(({ text }) => text)).toEqual([queue]);
      expect(byIdentity[queue].name).toBe(storageNames('one-')[queue]);
    }
    await byIdentity.records.write('a', 'x', {}, signal);
    expect(await byKey.records.exists('a', signal)).toBe(true);
    expect(byKey.records.name).toBe('one-records');
  });

  it('keeps what records tell in listings', async () => {
    const { connectionString } = azurite.accounts[0]!;
    const storage = await openStorage({ prefix: 'two-', connectionString });
    await storage.create(signal);
    const items = new ItemRecords(storage.records);
    const failed = [{ path: 'ünreadable', reason: 'it is gone' }];
    const addresses = [
      { files: 0, bytes: 0 },
      { files: 2, bytes: 30 },
    ];
    expect(await items.writeDone('job', 3, { files: 2, bytes: 30, seconds: 1, worker: 'w', addresses, failed }, signal)).toBe('written');
    expect(await items.writeDone('job', 3, { files: 9, bytes: 9, seconds: 1, worker: 'w', addresses: [], failed: [] }, signal)).toBe(
      'exists',
    );
    const known = new OutcomeSet();
    await items.scan('job', 4, known, signal);
    expect([known.count, known.files, known.bytes, known.addresses]).toEqual([1, 2, 30, addresses]);
    expect(await Array.fromAsync(items.failures('job', known, signal))).toEqual(failed);
    const since = new Date();
    const beacons = new WorkerBeacons(storage.records);
    await beacons.tell('vm_1', { state: 'idle', since }, signal);
    expect(await beacons.list(signal)).toMatchObject([{ worker: 'vm_1', state: 'idle', since }]);
  });

  it('says which role is missing, and keeps the token out of the error', async () => {
    const { name, blobEndpoint, queueEndpoint = '' } = azurite.accounts[0]!;
    const credential = credentialOf('https://vault.azure.net');
    const storage = await openStorage({ prefix: 'one-', account: name, credential, blobEndpoint, queueEndpoint });
    for (const [ask, code, role] of [
      [() => storage.work.receive(1, 1, signal), 'QUEUE_DENIED', 'Storage Queue Data Contributor'],
      [() => storage.records.read('a', {}, signal), 'RECORD_DENIED', 'Storage Blob Data Contributor'],
    ] as const) {
      const error: unknown = await ask().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code, message: expect.stringContaining(role) as string });
      expect(inspect(error, { depth: 10, showHidden: true, customInspect: false })).not.toContain(credential.token);
    }
  });

  it('refuses what is no account and no connection string, without repeating the latter', async () => {
    const credential = credentialOf('https://storage.azure.com');
    await expect(openStorage({ prefix: 'a', account: 'x/y', credential })).rejects.toMatchObject({ code: 'ACCOUNT_INVALID' });
    await expect(openStorage({ prefix: 'A', account: 'xyz', credential })).rejects.toMatchObject({ code: 'PREFIX_INVALID' });
    const invalid = openStorage({ prefix: 'a', connectionString: 'AccountName=x;AccountKey=c2VjcmV0' });
    await expect(invalid).rejects.toMatchObject({
      code: 'CONNECTION_STRING_INVALID',
      message: expect.not.stringContaining('c2VjcmV0') as string,
    });
    expect((await openStorage({ prefix: 'a', account: 'xyz', credential })).work.name).toBe('awork');
  });
});
