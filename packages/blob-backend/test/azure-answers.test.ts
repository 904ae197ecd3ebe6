import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { getEventListeners } from 'node:events';
import type { RequestListener } from 'node:http';
import { AzureBackend, BlobError, type AzureAuth } from '../src/index.ts';
import { credentialError } from '../src/azure/errors.ts';
import { makeCertificate } from './certificate.ts';
import { serve } from './scripted-server.ts';

const ETAG = '"0x8DE2943CE5A57A0"';
const CONTENT = Buffer.from('0123456789abcdefghij');

function open(endpoint: string, options: { auth?: AzureAuth; timeoutMs?: number } = {}): AzureBackend {
  const backend = new AzureBackend({
    name: 'azure',
    account: 'acc',
    container: 'data',
    endpoint,
    auth: { method: 'anonymous' },
    ...options,
  });
  onTestFinished(() => backend[Symbol.asyncDispose]());
  return backend;
}

async function failure(work: Promise<unknown>): Promise<BlobError> {
  const error = await work.then(
    () => expect.fail('no error'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(BlobError);
  return error as BlobError;
}

function readAll(backend: AzureBackend, offset = 0, length = CONTENT.length, ifMatch?: string): Promise<Uint8Array[]> {
  return Array.fromAsync(backend.read('a', { offset, length, ...(ifMatch === undefined ? {} : { ifMatch }) }));
}

function answering(status: number, headers: Record<string, string> = {}, body = ''): RequestListener {
  return (request, response) => {
    response.writeHead(status, 'transfer-encoding' in headers ? headers : { 'content-length': body.length, ...headers });
    response.end(request.method === 'HEAD' ? undefined : body);
  };
}

describe('an error of the service', () => {
  const sharedKey: AzureAuth = { method: 'shared_key', accountKey: { env: 'TEST_ANSWERS_KEY' } };
  const identity = /Storage Blob Data Reader/;
  it.each<[number, string | undefined, AzureAuth, string, string, RegExp]>([
    [404, 'BlobNotFound', sharedKey, 'BLOB_NOT_FOUND', 'not_found', /there is no blob "a"/],
    [404, 'ContainerNotFound', sharedKey, 'BLOB_CONTAINER_NOT_FOUND', 'not_found', /has no container "data"/],
    [409, 'ContainerBeingDeleted', sharedKey, 'BLOB_CONTAINER_NOT_FOUND', 'not_found', /has no container "data"/],
    [404, 'ResourceNotFound', { method: 'anonymous' }, 'BLOB_ACCESS_DENIED', 'denied', /not open to the public/],
    [404, undefined, sharedKey, 'BLOB_PROTOCOL', 'protocol', /not like a blob service; check the endpoint/],
    [401, 'NoAuthenticationInformation', { method: 'anonymous' }, 'BLOB_ACCESS_DENIED', 'denied', /not open to the public/],
    [409, 'PublicAccessNotPermitted', { method: 'anonymous' }, 'BLOB_ACCESS_DENIED', 'denied', /forbids public access/],
    [403, 'AuthenticationFailed', sharedKey, 'BLOB_ACCESS_DENIED', 'denied', /the key does not fit the account/],
    [403, 'AuthorizationFailure', sharedKey, 'BLOB_ACCESS_DENIED', 'denied', /network rules/],
    [403, 'AuthorizationPermissionMismatch', sharedKey, 'BLOB_ACCESS_DENIED', 'denied', identity],
    [403, 'KeyBasedAuthenticationNotPermitted', sharedKey, 'BLOB_ACCESS_DENIED', 'denied', /forbids keys; configure managed_identity/],
    [403, undefined, sharedKey, 'BLOB_ACCESS_DENIED', 'denied', /\(403\)/],
    [409, 'BlobArchived', sharedKey, 'BLOB_REQUEST', 'request', /archive tier .* rehydrate it/],
    [409, 'BlobModifiedWhileReading', sharedKey, 'BLOB_CHANGED', 'changed', /has changed/],
    [412, 'ConditionNotMet', sharedKey, 'BLOB_CHANGED', 'changed', /has changed/],
    [416, 'InvalidRange', sharedKey, 'BLOB_RANGE', 'range', /outside "a"/],
    [429, undefined, sharedKey, 'BLOB_THROTTLED', 'throttled', /is throttled/],
    [503, 'ServerBusy', sharedKey, 'BLOB_THROTTLED', 'throttled', /is throttled/],
    [503, undefined, sharedKey, 'BLOB_SERVICE', 'service', /failed \(503\)/],
    [500, 'OperationTimedOut', sharedKey, 'BLOB_SERVICE', 'service', /failed \(500 OperationTimedOut\)/],
    [400, 'InvalidHeaderValue', sharedKey, 'BLOB_REQUEST', 'request', /refused the request \(400 InvalidHeaderValue\)/],
    [400, 'OutOfRangeInput', sharedKey, 'BLOB_REQUEST', 'request', /does not accept the name "data\/a" .* check the configured names/],
    [302, undefined, sharedKey, 'BLOB_PROTOCOL', 'protocol', /unexpected answer \(302\)/],
  ])('%i %s', async (status, code, auth, expectedCode, kind, message) => {
    vi.stubEnv('TEST_ANSWERS_KEY', 'a2V5');
    const headers = { 'x-ms-request-id': 'id-1', ...(code === undefined ? {} : { 'x-ms-error-code': code }) };
    await using server = await serve(answering(status, headers, '<Error/>'));
    const backend = open(server.url, { auth });
    for (let round = 0; round < 3; round += 1) {
      for (const error of [await failure(backend.stat('a')), await failure(readAll(backend))]) {
        expect(error).toMatchObject({ code: expectedCode, kind, backend: 'azure' });
        expect(error.message).toMatch(message);
      }
    }
    // Connections outlive the error; a second one opens where the next request begins before the first is free.
    expect(server.connections).toBeLessThanOrEqual(2);
  });

  it.each([
    [{ 'retry-after': '7' }, 7000],
    [{ 'retry-after-ms': '250', 'retry-after': '7' }, 250],
    [{ 'retry-after': 'Sat, 21 Nov 2026 21:00:09 GMT', date: 'Sat, 21 Nov 2026 21:00:00 GMT' }, 9000],
    [{ 'retry-after': 'soon' }, undefined],
    [{}, undefined],
  ])('says how long to wait: %j', async (headers, expected) => {
    await using server = await serve(answering(503, { 'x-ms-error-code': 'ServerBusy', ...headers }));
    expect((await failure(open(server.url).stat('a'))).retryAfterMs).toBe(expected);
  });
});

describe('an answer that breaks the protocol is not believed', () => {
  const good = { etag: ETAG, 'last-modified': 'Sat, 21 Nov 2026 21:00:00 GMT' };
  const whole = { ...good, 'content-range': `bytes 0-19/20` };
  it.each<[string, number, Record<string, string>, Buffer, string]>([
    ['a body that is too short', 206, whole, CONTENT.subarray(0, 12), 'BLOB_PROTOCOL'],
    ['a body that is too long', 206, whole, Buffer.concat([CONTENT, CONTENT]), 'BLOB_PROTOCOL'],
    ['another range', 206, { ...good, 'content-range': 'bytes 5-24/100' }, CONTENT, 'BLOB_PROTOCOL'],
    ['a shorter range inside the blob', 206, { ...good, 'content-range': 'bytes 0-9/100' }, CONTENT.subarray(0, 10), 'BLOB_PROTOCOL'],
    ['the whole blob instead of a range', 200, good, CONTENT, 'BLOB_PROTOCOL'],
    ['a range without a size', 206, { ...good, 'content-range': 'bytes 0-19/*' }, CONTENT, 'BLOB_PROTOCOL'],
    ['another version', 206, { ...whole, etag: '"0x1"' }, CONTENT, 'BLOB_PROTOCOL'],
    ['a range cut off at the end of the blob', 206, { ...good, 'content-range': 'bytes 0-9/10' }, CONTENT.subarray(0, 10), 'BLOB_RANGE'],
  ])('%s', async (_title, status, headers, body, code) => {
    // Without Content-Length, as HTTP itself would notice that.
    await using server = await serve((_request, response) => {
      response.writeHead(status, { ...headers, 'transfer-encoding': 'chunked' });
      response.end(body);
    });
    expect(await failure(readAll(open(server.url), 0, CONTENT.length, ETAG))).toMatchObject({ code });
  });

  it.each([
    ['no properties', { 'content-length': '5' }],
    ['no size', { ...good, 'transfer-encoding': 'chunked' }],
  ])('%s', async (_title, headers) => {
    await using server = await serve(answering(200, headers));
    expect(await failure(open(server.url).stat('a'))).toMatchObject({ code: 'BLOB_PROTOCOL', retryable: true });
  });

  it('a web page instead of a listing', async () => {
    await using server = await serve(answering(200, {}, '<html><body>Sign in to the guest network</body></html>'));
    const error = await failure(Array.fromAsync(open(server.url).list({ prefix: '' })));
    expect(error).toMatchObject({ code: 'BLOB_PROTOCOL' });
    expect(error.message).toContain('not in the form');
  });

  it('directories of a hierarchical namespace are no blobs', async () => {
    await using server = await serve(answering(200, { ...good, 'content-length': '0', 'x-ms-resource-type': 'directory' }));
    expect(await failure(open(server.url).stat('a'))).toMatchObject({ code: 'BLOB_NOT_FOUND' });
  });
});

describe('the connection', () => {
  const ranged: RequestListener = (request, response) => {
    const [, first, last] = /bytes=(\d+)-(\d+)/.exec(String(request.headers['x-ms-range'])) ?? [];
    const part = CONTENT.subarray(Number(first), Number(last) + 1);
    response.writeHead(206, { etag: ETAG, 'content-range': `bytes ${first}-${last}/20`, 'content-length': part.length });
    response.end(part);
  };

  it('is kept for the next request and closed by disposing', async () => {
    await using server = await serve(ranged);
    const backend = open(server.url);
    for (let index = 0; index < 10; index += 1) {
      expect(Buffer.concat(await readAll(backend, index, 5)).equals(CONTENT.subarray(index, index + 5))).toBe(true);
    }
    expect(server.connections).toBe(1);
    expect(await server.open()).toBe(1);
    await backend[Symbol.asyncDispose]();
    await expect.poll(() => server.open()).toBe(0);
  });

  it('carries 40 reads at once', async () => {
    const held: (() => void)[] = [];
    await using server = await serve((request, response) => held.push(() => ranged(request, response)));
    const reads = Array.from({ length: 40 }, () => readAll(open(server.url)));
    await expect.poll(() => held.length).toBe(40);
    for (const answer of held) answer();
    for (const pieces of await Promise.all(reads)) expect(Buffer.concat(pieces).equals(CONTENT)).toBe(true);
  });

  it('is closed when a read is left or aborted, while its server still sends', async () => {
    await using server = await serve((_request, response) => {
      response.writeHead(206, { etag: ETAG, 'content-range': 'bytes 0-19/20', 'content-length': 20 });
      response.write(CONTENT.subarray(0, 5));
    });
    const backend = open(server.url);
    for await (const piece of backend.read('a', { offset: 0, length: 20 })) {
      expect(piece.length).toBe(5);
      break;
    }
    await expect.poll(() => server.open()).toBe(0);

    const controller = new AbortController();
    const reason = new Error('enough');
    const pieces: Uint8Array[] = [];
    await expect(async () => {
      for await (const piece of backend.read('a', { offset: 0, length: 20, signal: controller.signal })) {
        pieces.push(piece);
        // While the reader waits for more.
        setImmediate(() => controller.abort(reason));
      }
    }).rejects.toBe(reason);
    expect(pieces).toHaveLength(1);
    await expect.poll(() => server.open()).toBe(0);
  });

  it('leaves no listener on the signal of a long-lived caller', async () => {
    await using server = await serve(ranged);
    const backend = open(server.url);
    const controller = new AbortController();
    await Array.fromAsync(backend.read('a', { offset: 0, length: 5, signal: controller.signal }));
    for await (const piece of backend.read('a', { offset: 0, length: 5, signal: controller.signal })) {
      expect(piece.length).toBe(5);
      break;
    }
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });

  it('times out when no answer comes, and when one breaks off in silence', async () => {
    await using silent = await serve(() => undefined);
    const first = await failure(open(silent.url, { timeoutMs: 50 }).stat('a'));
    expect(first).toMatchObject({ code: 'BLOB_TIMEOUT', kind: 'timeout', retryable: true });
    expect(first.message).toMatch(/nothing came from http.* for 0.05 s/);

    await using stalled = await serve((_request, response) => {
      response.writeHead(206, { etag: ETAG, 'content-range': 'bytes 0-19/20', 'content-length': 20 });
      response.write(CONTENT.subarray(0, 5));
    });
    expect(await failure(readAll(open(stalled.url, { timeoutMs: 50 })))).toMatchObject({ code: 'BLOB_TIMEOUT' });
    await expect.poll(() => stalled.open()).toBe(0);
  });

  it('does not time out because its reader is slow', async () => {
    let finish = (): void => undefined;
    await using server = await serve((_request, response) => {
      response.writeHead(206, { etag: ETAG, 'content-range': 'bytes 0-19/20', 'content-length': 20 });
      response.write(CONTENT.subarray(0, 5));
      finish = () => void response.end(CONTENT.subarray(5));
    });
    const timeoutMs = 50;
    const pieces: Uint8Array[] = [];
    for await (const piece of open(server.url, { timeoutMs }).read('a', { offset: 0, length: 20 })) {
      if (pieces.length === 0) await new Promise((resolve) => setTimeout(resolve, 3 * timeoutMs));
      finish();
      pieces.push(piece);
    }
    expect(Buffer.concat(pieces).equals(CONTENT)).toBe(true);
  });

  it('that breaks off is BLOB_UNREACHABLE', async () => {
    await using server = await serve((_request, response) => {
      response.writeHead(206, { etag: ETAG, 'content-range': 'bytes 0-19/20', 'content-length': 20 });
      response.write(CONTENT.subarray(0, 5), () => response.destroy());
    });
    expect(await failure(readAll(open(server.url)))).toMatchObject({ code: 'BLOB_UNREACHABLE', kind: 'network' });
  });

  it('to a name that does not exist is a DNS failure', async () => {
    const error = await failure(open('http://no-such-account.invalid').stat('a'));
    expect(error).toMatchObject({ code: 'BLOB_UNREACHABLE', kind: 'dns', retryable: true });
    expect(error.message).toContain('http://no-such-account.invalid');
  });

  it('with a certificate that nobody vouches for is a TLS failure', async () => {
    using certificate = await makeCertificate();
    await using server = await serve(ranged, certificate);
    const error = await failure(open(server.url).stat('a'));
    expect(error).toMatchObject({ code: 'BLOB_UNREACHABLE', kind: 'tls' });
    expect(error.message).toContain('NODE_EXTRA_CA_CERTS');

    const trusted = getCACertificates('default');
    setDefaultCACertificates([...trusted, certificate.cert]);
    onTestFinished(() => setDefaultCACertificates(trusted));
    expect(Buffer.concat(await readAll(open(server.url))).equals(CONTENT)).toBe(true);
  });

  it('goes through the proxy that the environment names, but not to this machine', async () => {
    await using proxy = await serve(ranged);
    vi.stubEnv('HTTP_PROXY', proxy.url);
    onTestFinished(() => void vi.unstubAllEnvs());
    await readAll(open('http://acc.blob.invalid'));
    expect(proxy.requests.map(({ url }) => url)).toEqual(['http://acc.blob.invalid/data/a']);
    await using origin = await serve(ranged);
    await readAll(open(origin.url));
    expect(origin.requests).toHaveLength(1);
  });
});

describe('a credential that cannot be had', () => {
  it('is a network failure where only the network was in the way', () => {
    const cause = new Error('sign-in failed', { cause: Object.assign(new Error('x'), { errorCode: 'network_error' }) });
    const error = credentialError('azure', 'service_principal', cause);
    expect(error).toMatchObject({ code: 'BLOB_UNREACHABLE', kind: 'network', retryable: true });
    expect(error.message).toContain('no access token by auth method service_principal');
  });

  it('is denied otherwise, with the first line of what was said', () => {
    const error = credentialError('azure', 'service_principal', new Error('AADSTS7000215: Invalid client secret provided.\nTrace ID: 1'));
    expect(error).toMatchObject({ code: 'BLOB_ACCESS_DENIED', kind: 'denied' });
    expect(error.message).toBe(
      'azure: no credential by auth method service_principal: AADSTS7000215: Invalid client secret provided; ' +
        'check the tenant ID, the client ID and that the client secret has not expired',
    );
  });

  it.each(['workload_identity', 'azure_cli'] as const)('%s says what to check', async (method) => {
    vi.stubEnv('PATH', '/nowhere');
    onTestFinished(() => void vi.unstubAllEnvs());
    const error = await failure(open('https://127.0.0.1:9', { auth: { method } }).stat('a'));
    expect(error).toMatchObject({ code: 'BLOB_ACCESS_DENIED' });
    expect(error.message).toMatch(method === 'azure_cli' ? /run "az login"/ : /AZURE_FEDERATED_TOKEN_FILE/);
  });
});
