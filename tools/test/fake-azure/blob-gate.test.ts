import { BlobServiceClient, RestError, type ContainerClient } from '@azure/storage-blob';
import {
  BlobGate,
  issueToken,
  makeCertificate,
  startHttpsServer,
  type Certificate,
  type HttpsServer,
} from '@warpforge/azure-infra/testing';
import { startAzurite, type Azurite } from '@warpforge/blob-backend/testing';
import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

const TENANT = 'ab1f708d-50f6-404c-a006-d71b2ac7a606';
const WRITER = '11059fcc-5514-4800-b5f8-49808b9cfab6';
const READER = '22059fcc-5514-4800-b5f8-49808b9cfab6';
const BLOBS = 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs';
/** More than sockets and streams hold on their way. */
const LARGE_BYTES = 8 * 1024 * 1024;

describe('blob gate before Azurite', () => {
  let certificate: Certificate;
  let azurite: Azurite;
  let gate: BlobGate;
  let server: HttpsServer;
  const answers: string[] = [];

  beforeAll(async () => {
    certificate = await makeCertificate();
    azurite = await startAzurite({ accounts: [{ name: 'upstream' }], tls: certificate });
    gate = new BlobGate({
      upstream: { url: azurite.accounts[0]!.blobEndpoint, certificate: certificate.cert },
      controlPlane: {
        storageAccountId: (name) => `/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/${name}`,
        hasDataAction: (objectId, _, action) => objectId === WRITER || action === `${BLOBS}/read`,
      },
      tenantId: TENANT,
      onAnswer: ({ method, path, status }) => answers.push(`${method} ${path} ${status}`),
    });
    server = await startHttpsServer({ certificate, listener: gate.listener });
    await Promise.all(['one', 'two'].map((account) => gate.containerCreated(account, 'shards')));
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await gate[Symbol.asyncDispose]();
    await azurite[Symbol.asyncDispose]();
    await certificate[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    gate.heal();
    answers.length = 0;
  });

  const container = (objectId: string, account = 'one', name = 'shards', maxTries = 1): ContainerClient => {
    const expiresOnTimestamp = Date.now() + 3_600_000;
    const [issuedAt, expiresAt] = [new Date(), new Date(expiresOnTimestamp)];
    const token = issueToken({ objectId, kind: 'user', tenantId: TENANT, audience: 'https://storage.azure.com', issuedAt, expiresAt });
    const credential = { getToken: () => Promise.resolve({ token, expiresOnTimestamp }) };
    const retryOptions = { maxTries, retryDelayInMs: 1, maxRetryDelayInMs: 1 };
    const options = { tlsOptions: { ca: certificate.cert }, retryOptions };
    return new BlobServiceClient(`${server.url}/${account}`, credential, options).getContainerClient(name);
  };
  const names = async (client: ContainerClient, options = {}): Promise<string[]> => {
    const found: string[] = [];
    for await (const { name } of client.listBlobsFlat(options)) found.push(name);
    return found;
  };

  it('keeps what is put and gives it back: bytes, ranges, properties, metadata', async () => {
    const content = randomBytes(LARGE_BYTES);
    const name = 'train/ünïcödé 🙂%2F.tar';
    const blob = container(WRITER).getBlockBlobClient(name);
    const md5 = createHash('md5').update(content).digest();
    await blob.uploadData(content, {
      blobHTTPHeaders: { blobContentMD5: md5, blobContentType: 'application/x-tar' },
      metadata: { somename: 'some value' },
    });
    const read = container(READER).getBlobClient(name);
    expect((await read.downloadToBuffer()).equals(content)).toBe(true);
    expect((await read.downloadToBuffer(1000, 5000)).equals(content.subarray(1000, 6000))).toBe(true);
    const properties = await read.getProperties();
    expect(properties).toMatchObject({
      contentLength: LARGE_BYTES,
      contentType: 'application/x-tar',
      metadata: { somename: 'some value' },
    });
    expect(Buffer.from(properties.contentMD5!).equals(md5)).toBe(true);
    await expect(read.download(0, 10, { conditions: { ifMatch: '"0x1"' } })).rejects.toMatchObject({
      statusCode: 412,
      code: 'ConditionNotMet',
    });
    await expect(blob.upload('x', 1, { conditions: { ifNoneMatch: '*' } })).rejects.toMatchObject({ statusCode: 409 });
  });

  it('takes blocks', async () => {
    const blob = container(WRITER).getBlockBlobClient('blocks');
    const content = randomBytes(3_000_000);
    await blob.uploadData(content, { blockSize: 1_000_000, maxSingleShotSize: 0, concurrency: 2 });
    expect((await blob.getBlockList('committed')).committedBlocks).toHaveLength(3);
    expect((await blob.downloadToBuffer()).equals(content)).toBe(true);
  });

  it('lists under the names by which the client knows account and container', async () => {
    const client = container(WRITER, 'two');
    for (const name of ['a/1', 'a/2', 'b/1']) await client.getBlockBlobClient(name).upload('', 0);
    expect(await names(container(READER, 'two'))).toEqual(['a/1', 'a/2', 'b/1']);
    expect(await names(client, { prefix: 'a/' })).toEqual(['a/1', 'a/2']);
    const page = (await client.listBlobsFlat().byPage({ maxPageSize: 2 }).next()).value as { _response: { bodyAsText: string } };
    expect(page._response.bodyAsText).toMatch(
      new RegExp(`<EnumerationResults ServiceEndpoint="${server.url}/two" ContainerName="shards">.*<Name>a/1</Name>`),
    );
    expect(answers.at(-1)).toBe('GET /two/shards 200');
  });

  it('keeps accounts and containers apart', async () => {
    await gate.containerCreated('one', 'apart');
    await container(WRITER, 'one', 'apart').getBlockBlobClient('x').upload('here', 4);
    expect(await names(container(READER, 'one', 'apart'))).toEqual(['x']);
    await expect(names(container(READER, 'two', 'apart'))).rejects.toMatchObject({ statusCode: 404, code: 'ContainerNotFound' });
  });

  it('makes containers for those who may', async () => {
    await expect(container(READER, 'one', 'mine').create()).rejects.toMatchObject({ code: 'AuthorizationPermissionMismatch' });
    const client = container(WRITER, 'one', 'mine');
    await client.create();
    await client.getBlockBlobClient('x').upload('here', 4);
    expect(await client.exists()).toBe(true);
    await client.delete();
    await expect(names(client)).rejects.toMatchObject({ code: 'ContainerNotFound' });
  });

  it('has nothing left of a container that was deleted and made again', async () => {
    await gate.containerCreated('one', 'again');
    const client = container(WRITER, 'one', 'again');
    await client.getBlockBlobClient('x').upload('here', 4);
    const deleted = gate.containerDeleted('one', 'again');
    const made = gate.containerCreated('one', 'again');
    expect(await names(client)).toEqual([]);
    await Promise.all([deleted, made]);
    await gate.containerCreated('one', 'again');
    await gate.containerDeleted('one', 'nowhere');
  });

  it('refuses a large upload of who may only read, and the connection goes on', async () => {
    const blob = container(READER).getBlockBlobClient('refused');
    await expect(blob.uploadData(Buffer.alloc(LARGE_BYTES))).rejects.toMatchObject({
      statusCode: 403,
      code: 'AuthorizationPermissionMismatch',
    });
    await expect(blob.getProperties()).rejects.toMatchObject({ statusCode: 404 });
  });

  it('cuts an upload in its middle: nothing is stored, and trying again works', async () => {
    const blob = container(WRITER).getBlockBlobClient('cut');
    gate.inject({ kind: 'reset', path: /\/cut$/, method: 'PUT', afterBytes: 1024 * 1024 });
    const failure: unknown = await blob.uploadData(Buffer.alloc(LARGE_BYTES)).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(RestError);
    expect((failure as RestError).statusCode).toBeUndefined();
    expect(await blob.exists()).toBe(false);
    gate.inject({ kind: 'reset', path: /\/cut$/, method: 'PUT', afterBytes: 1024 * 1024 });
    await container(WRITER, 'one', 'shards', 2).getBlockBlobClient('cut').uploadData(Buffer.alloc(LARGE_BYTES));
    expect((await blob.getProperties()).contentLength).toBe(LARGE_BYTES);
  });

  it('cuts a download in its middle', async () => {
    const blob = container(WRITER).getBlockBlobClient('download');
    await blob.uploadData(Buffer.alloc(LARGE_BYTES));
    gate.inject({ kind: 'reset', path: /\/download$/, afterBytes: 1024 * 1024 });
    const { readableStreamBody } = await blob.download(0, undefined, { maxRetryRequests: 0 });
    let bytes = 0;
    const read = async (): Promise<void> => {
      for await (const piece of readableStreamBody!) bytes += piece.length;
    };
    await expect(read()).rejects.toThrow();
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThanOrEqual(1024 * 1024);
  });

  it('lets the client’s own retries get over busy answers and cut connections', async () => {
    const blob = container(WRITER, 'one', 'shards', 4).getBlockBlobClient('retried');
    gate.inject({ kind: 'busy', path: /\/retried$/ });
    gate.inject({ kind: 'error', path: /\/retried$/ });
    gate.inject({ kind: 'reset', path: /\/retried$/ });
    await blob.upload('here', 4);
    expect(answers.filter((answer) => answer.startsWith('PUT'))).toEqual([
      'PUT /one/shards/retried 503',
      'PUT /one/shards/retried 500',
      'PUT /one/shards/retried 201',
    ]);
  });

  it('keeps nothing of an upload whose client goes away', async () => {
    const blob = container(WRITER).getBlockBlobClient('left');
    const leaving = new AbortController();
    const body = (): Readable =>
      Readable.from(
        (function* () {
          yield Buffer.alloc(LARGE_BYTES / 2);
          leaving.abort();
        })(),
        { objectMode: false },
      );
    const upload = blob.upload(body, LARGE_BYTES, { abortSignal: leaving.signal });
    await expect(upload).rejects.toThrow(/abort/i);
    expect(await blob.exists()).toBe(false);
  });
});
