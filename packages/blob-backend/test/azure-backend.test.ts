import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { inspect } from 'node:util';
import { gzipSync } from 'node:zlib';
import { BlobServiceClient, ContainerSASPermissions, type ContainerClient } from '@azure/storage-blob';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { AzureBackend, BlobError, CHANNELS, type AzureAuth, type AzureBackendOptions, type TokenEvent } from '../src/index.ts';
import { backendConformance, startAzurite, type Azurite, type AzuriteAccount } from '../src/testing/testing.ts';
import { makeCertificate } from './certificate.ts';
import { serve } from './scripted-server.ts';

let azurite: Azurite;
let account: AzuriteAccount;
let service: BlobServiceClient;
let containers = 0;

beforeAll(async () => {
  azurite = await startAzurite({ accounts: [{ name: 'canadacentral' }, { name: 'westus3' }] });
  account = azurite.accounts[0]!;
  service = BlobServiceClient.fromConnectionString(account.connectionString);
  vi.stubEnv('TEST_ACCOUNT_KEY', account.key);
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await azurite[Symbol.asyncDispose]();
});

const sharedKey: AzureAuth = { method: 'shared_key', accountKey: { env: 'TEST_ACCOUNT_KEY' } };

async function newContainer(): Promise<ContainerClient> {
  containers += 1;
  const container = service.getContainerClient(`test-${containers}`);
  await container.create();
  return container;
}

function open(options: Partial<AzureBackendOptions>): AzureBackend {
  const backend = new AzureBackend({
    name: 'azure',
    account: account.name,
    container: 'test',
    endpoint: account.blobEndpoint,
    auth: sharedKey,
    ...options,
  });
  onTestFinished(() => backend[Symbol.asyncDispose]());
  return backend;
}

for (const [title, prefix] of [
  ['AzureBackend on Azurite', ''],
  ['AzureBackend on Azurite, below a prefix', 'deep/pre fix+ü/'],
] as const) {
  describe(title, () => {
    const cases = backendConformance(async () => {
      const container = await newContainer();
      // What lies outside the prefix must never show.
      if (prefix !== '')
        for (const name of ['secret', 'deep/secret', 'deep/pre fix+ü']) await container.getBlockBlobClient(name).upload('no', 2);
      const backend = open({ container: container.containerName, prefix });
      return {
        backend,
        put: async (path: string, content: Uint8Array) => {
          await container.getBlockBlobClient(prefix + path).upload(Buffer.from(content), content.length);
        },
        delete: async (path: string) => {
          await container.getBlockBlobClient(prefix + path).delete();
        },
        [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
      };
    });
    for (const { name, run } of cases) it(name, run);
  });
}

describe('AzureBackend signs in', () => {
  let container: ContainerClient;
  let plainConnectionString: string;

  beforeAll(async () => {
    container = await newContainer();
    await container.getBlockBlobClient('dir/a b').upload('hello', 5);
    plainConnectionString = account.connectionString;
  });

  async function expectAccess(options: Partial<AzureBackendOptions>): Promise<void> {
    const backend = open({ container: container.containerName, ...options });
    expect((await backend.stat('dir/a b')).size).toBe(5);
    expect(await textOf(backend, 'dir/a b', 5)).toBe('hello');
    const pages = await Array.fromAsync(backend.list({ prefix: 'dir/', delimiter: '/' }));
    expect(pages.flatMap(({ blobs }) => blobs.map(({ path }) => path))).toEqual(['dir/a b']);
  }

  it('by a key from a file with a line break at its end', async () => {
    using file = secretFile(`${account.key}\n`);
    await expectAccess({ auth: { method: 'shared_key', accountKey: { file: file.path } } });
  });

  it('by a connection string, which also says where the account is', async () => {
    vi.stubEnv('TEST_CONNECTION_STRING', plainConnectionString);
    await expectAccess({ endpoint: undefined, auth: { method: 'connection_string', connectionString: { env: 'TEST_CONNECTION_STRING' } } });
  });

  it('by a shared access signature, with or without its question mark, alone or in a connection string', async () => {
    const url = await container.generateSasUrl({
      permissions: ContainerSASPermissions.parse('rl'),
      expiresOn: new Date(Date.now() + 3_600_000),
    });
    const sas = url.slice(url.indexOf('?'));
    vi.stubEnv('TEST_SAS', sas);
    await expectAccess({ auth: { method: 'sas', sas: { env: 'TEST_SAS' } } });
    vi.stubEnv('TEST_SAS', sas.slice(1));
    await expectAccess({ auth: { method: 'sas', sas: { env: 'TEST_SAS' } } });
    vi.stubEnv('TEST_SAS', `BlobEndpoint=${account.blobEndpoint}/;SharedAccessSignature=${sas.slice(1)}`);
    await expectAccess({ endpoint: undefined, auth: { method: 'connection_string', connectionString: { env: 'TEST_SAS' } } });
  });

  it('not at all where the container is public', async () => {
    await container.setAccessPolicy('container');
    await expectAccess({ auth: { method: 'anonymous' } });
    await container.setAccessPolicy(undefined);
    await expectAccess({});
    const backend = open({ container: container.containerName, auth: { method: 'anonymous' } });
    for (const work of [backend.stat('dir/a b'), Array.fromAsync(backend.list({ prefix: '' })), textOf(backend, 'dir/a b', 5)]) {
      await expect(work).rejects.toMatchObject({ code: 'BLOB_ACCESS_DENIED' });
    }
  });

  it('by the managed identity of the machine', async () => {
    using certificate = await makeCertificate();
    await using secure = await startAzurite({ accounts: [{ name: 'secured' }], tls: certificate });
    const [securedAccount] = secure.accounts;
    const trusted = getCACertificates('default');
    setDefaultCACertificates([...trusted, certificate.cert]);
    onTestFinished(() => setDefaultCACertificates(trusted));
    const container = BlobServiceClient.fromConnectionString(securedAccount!.connectionString).getContainerClient('data');
    await container.create();
    await container.getBlockBlobClient('a').upload('hello', 5);

    // The token endpoint of App Service and Container Apps; the one of a VM has a fixed address.
    // The first asker goes away while the token is on its way; the others must not lose it.
    const leader = new AbortController();
    await using identity = await serve((request, response) => {
      leader.abort(new Error('left'));
      const resource = new URL(request.url ?? '', 'http://x').searchParams.get('resource') ?? '';
      const now = Math.floor(Date.now() / 1000);
      const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
      const claims = { iss: 'https://sts.windows.net/tenant/', aud: resource, iat: now - 10, nbf: now - 10, exp: now + 3600 };
      const token = `${part({ alg: 'none', typ: 'JWT' })}.${part(claims)}.none`;
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ access_token: token, expires_on: String(now + 3600), resource, token_type: 'Bearer' }));
    });
    vi.stubEnv('IDENTITY_ENDPOINT', `${identity.url}/msi/token`);
    vi.stubEnv('IDENTITY_HEADER', 'secret-header');

    const tokens: TokenEvent[] = [];
    const listen = (event: unknown): void => void tokens.push(event as TokenEvent);
    subscribe(CHANNELS.token, listen);
    onTestFinished(() => void unsubscribe(CHANNELS.token, listen));

    const backend = open({
      account: 'secured',
      container: 'data',
      endpoint: securedAccount!.blobEndpoint,
      auth: { method: 'managed_identity' },
    });
    const aborted = backend.stat('a', { signal: leader.signal });
    const others = Array.from({ length: 5 }, () => textOf(backend, 'a', 5));
    await expect(aborted).rejects.toThrow('left');
    expect(await Promise.all(others)).toEqual(Array.from({ length: 5 }, () => 'hello'));
    await backend.stat('a');
    expect(identity.requests).toHaveLength(1);
    expect(identity.requests[0]!.headers['x-identity-header']).toBe('secret-header');
    expect(tokens).toEqual([{ backend: 'azure', method: 'managed_identity', ok: true, durationMs: expect.any(Number) as number }]);
  });
});

describe('AzureBackend says what is wrong', () => {
  async function failureOf(options: Partial<AzureBackendOptions>): Promise<BlobError> {
    const backend = open(options);
    const errors = await Promise.all(
      [backend.stat('a'), textOf(backend, 'a', 5), Array.fromAsync(backend.list({ prefix: '' }))].map((work) =>
        work.then(
          () => expect.fail('no error'),
          (error: unknown) => error,
        ),
      ),
    );
    for (const error of errors) {
      expect(error).toBeInstanceOf(BlobError);
      expect((error as BlobError).code).toBe((errors[0] as BlobError).code);
      expect(secretsIn(error)).toEqual([]);
    }
    return errors[0] as BlobError;
  }

  /** Every secret that the error, its causes or their fields repeat. */
  function secretsIn(error: unknown): string[] {
    const text = inspect(error, { depth: 10, showHidden: true, customInspect: false });
    return [account.key, 'bm90IHRoZSBrZXk'].filter((secret) => text.includes(secret));
  }

  it('when the account key is wrong', async () => {
    vi.stubEnv('TEST_WRONG_KEY', 'bm90IHRoZSBrZXk=');
    const error = await failureOf({ auth: { method: 'shared_key', accountKey: { env: 'TEST_WRONG_KEY' } } });
    expect(error).toMatchObject({ code: 'BLOB_ACCESS_DENIED', kind: 'denied', backend: 'azure', retryable: false });
    expect(error.message).toMatch(
      /^azure: account "canadacentral" denied access to container "test" by auth method shared_key \(403 \w+\): the key does not fit the account/,
    );
  });

  it('when the key is that of another account', async () => {
    vi.stubEnv('TEST_WRONG_KEY', azurite.accounts[1]!.key);
    const error = await failureOf({ auth: { method: 'shared_key', accountKey: { env: 'TEST_WRONG_KEY' } } });
    expect(error).toMatchObject({ code: 'BLOB_ACCESS_DENIED' });
  });

  it('when a shared access signature has expired or may not list', async () => {
    const container = await newContainer();
    await container.getBlockBlobClient('a').upload('hello', 5);
    const sign = async (permissions: string, expiresInMs: number): Promise<void> => {
      const url = await container.generateSasUrl({
        permissions: ContainerSASPermissions.parse(permissions),
        startsOn: new Date(Date.now() - 7_200_000),
        expiresOn: new Date(Date.now() + expiresInMs),
      });
      vi.stubEnv('TEST_SAS', url.slice(url.indexOf('?')));
    };
    const options: Partial<AzureBackendOptions> = {
      container: container.containerName,
      auth: { method: 'sas', sas: { env: 'TEST_SAS' } },
    };
    await sign('rl', -3_600_000);
    const expired = await failureOf(options);
    expect(expired.code).toBe('BLOB_ACCESS_DENIED');
    expect(expired.message).toContain('has expired');
    await sign('r', 3_600_000);
    const backend = open(options);
    expect(await textOf(backend, 'a', 5)).toBe('hello');
    await expect(Array.fromAsync(backend.list({ prefix: '' }))).rejects.toMatchObject({ code: 'BLOB_ACCESS_DENIED' });
  });

  it('when there is no such container', async () => {
    const error = await failureOf({ container: 'missing' });
    expect(error).toMatchObject({ code: 'BLOB_CONTAINER_NOT_FOUND', kind: 'not_found', retryable: false });
    expect(error.message).toMatch(/^azure: account "canadacentral" has no container "missing" \(404 ContainerNotFound\)/);
  });

  it('when the container has a name that no container can have', async () => {
    const error = await failureOf({ container: 'c' });
    expect(error).toMatchObject({ code: 'BLOB_REQUEST' });
    expect(error.message).toContain('check the configured names');
  });

  it('when nobody listens at the endpoint', async () => {
    const error = await failureOf({ endpoint: 'http://127.0.0.1:9/canadacentral' });
    expect(error).toMatchObject({ code: 'BLOB_UNREACHABLE', kind: 'network', retryable: true });
    expect(error.message).toBe(
      'azure: no answer from http://127.0.0.1:9/canadacentral: the connection was refused; check the endpoint and whether the server runs (ECONNREFUSED)',
    );
  });

  it('without the signature, when the address that carries it cannot be reached', async () => {
    vi.stubEnv('TEST_SAS', 'sv=2023-11-03&sig=bm90IHRoZSBrZXk%3D');
    const error = await failureOf({ endpoint: 'http://127.0.0.1:9/canadacentral', auth: { method: 'sas', sas: { env: 'TEST_SAS' } } });
    expect(error).toMatchObject({ code: 'BLOB_UNREACHABLE', kind: 'network' });
  });

  it('when the server goes away in the middle of a read', async () => {
    await using other = await startAzurite({ accounts: [{ name: 'shortlived' }] });
    const [shortlived] = other.accounts;
    const container = BlobServiceClient.fromConnectionString(shortlived!.connectionString).getContainerClient('data');
    await container.create();
    const size = 8 * 1024 * 1024;
    await container.getBlockBlobClient('large').upload(Buffer.alloc(size), size);
    vi.stubEnv('TEST_SHORT_KEY', shortlived!.key);
    const backend = open({
      account: 'shortlived',
      container: 'data',
      endpoint: shortlived!.blobEndpoint,
      auth: { method: 'shared_key', accountKey: { env: 'TEST_SHORT_KEY' } },
    });
    await expect(async () => {
      for await (const piece of backend.read('large', { offset: 0, length: size })) {
        expect(piece.length).toBeGreaterThan(0);
        process.kill(other.pid, 'SIGKILL');
      }
    }).rejects.toMatchObject({ code: 'BLOB_UNREACHABLE', kind: 'network' });
    await other.closed;
  });

  it.each([
    [
      'the variable of a secret is not set',
      { method: 'shared_key', accountKey: { env: 'TEST_NOT_SET' } },
      /environment variable TEST_NOT_SET is not set/,
    ],
    ['the file of a secret is missing', { method: 'sas', sas: { file: '/missing/sas' } }, /file \/missing\/sas cannot be read \(ENOENT\)/],
    ['a token would travel in the clear', { method: 'managed_identity' }, /need an https endpoint/],
  ] as const)('when %s', async (_title, auth, message) => {
    const error = await failureOf({ auth });
    expect(error).toMatchObject({ code: 'BLOB_ACCESS_DENIED', message: expect.stringMatching(message) as string });
  });

  it('when a connection string is for another account, or is none', async () => {
    vi.stubEnv('TEST_CONNECTION_STRING', azurite.accounts[1]!.connectionString);
    const auth: AzureAuth = { method: 'connection_string', connectionString: { env: 'TEST_CONNECTION_STRING' } };
    expect((await failureOf({ auth })).message).toContain('for account "westus3", the backend is configured for "canadacentral"');
    vi.stubEnv('TEST_CONNECTION_STRING', 'bm90IHRoZSBrZXk=');
    expect((await failureOf({ auth })).message).toContain('neither AccountKey nor SharedAccessSignature');
  });

  it('and works again as soon as the fault is mended', async () => {
    const container = await newContainer();
    await container.getBlockBlobClient('a').upload('hello', 5);
    const backend = open({ container: container.containerName, auth: { method: 'shared_key', accountKey: { env: 'TEST_LATE_KEY' } } });
    await expect(backend.stat('a')).rejects.toMatchObject({ code: 'BLOB_ACCESS_DENIED' });
    vi.stubEnv('TEST_LATE_KEY', account.key);
    expect((await backend.stat('a')).size).toBe(5);
  });
});

describe('AzureBackend', () => {
  it('gives the stored bytes of a blob that says it is compressed', async () => {
    const container = await newContainer();
    const stored = gzipSync('hello '.repeat(100));
    await container.getBlockBlobClient('a.gz').upload(stored, stored.length, { blobHTTPHeaders: { blobContentEncoding: 'gzip' } });
    const backend = open({ container: container.containerName });
    const { size } = await backend.stat('a.gz');
    expect(size).toBe(stored.length);
    const pieces = await Array.fromAsync(backend.read('a.gz', { offset: 0, length: size }));
    expect(Buffer.concat(pieces).equals(stored)).toBe(true);
  });

  it('takes a prefix with or without slashes around it', async () => {
    const container = await newContainer();
    for (const name of ['train/a', 'train', 'train/', 'training/b', 'val/a']) await container.getBlockBlobClient(name).upload('x', 1);
    for (const prefix of ['train', 'train/', '/train/']) {
      const pages = await Array.fromAsync(open({ container: container.containerName, prefix }).list({ prefix: '' }));
      expect(pages.flatMap(({ blobs }) => blobs.map(({ path }) => path))).toEqual(['a']);
    }
  });

  it('refuses an endpoint that is no URL', () => {
    expect(() => open({ endpoint: 'canadacentral.blob.core.windows.net' })).toThrow(/is no http or https URL/);
  });
});

async function textOf(backend: AzureBackend, path: string, length: number): Promise<string> {
  const pieces = await Array.fromAsync(backend.read(path, { offset: 0, length }));
  return Buffer.concat(pieces).toString();
}

function secretFile(content: string): Disposable & { path: string } {
  const directory = mkdtempSync(join(tmpdir(), 'secret-test-'));
  const path = join(directory, 'secret');
  writeFileSync(path, content, { mode: 0o600 });
  return { path, [Symbol.dispose]: () => rmSync(directory, { recursive: true }) };
}
