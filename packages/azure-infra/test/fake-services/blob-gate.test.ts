import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { BlobGate } from '../../src/testing/blob-gate.ts';
import { makeCertificate, type Certificate } from '../../src/testing/certificate.ts';
import { startHttpsServer, type HttpsServer } from '../../src/testing/https-server.ts';
import { issueToken, type Token } from '../../src/testing/tokens.ts';
import { httpsRequest } from './https-request.ts';

const TENANT = 'ab1f708d-50f6-404c-a006-d71b2ac7a606';
const ADA = '11059fcc-5514-4800-b5f8-49808b9cfab6';
const ACCOUNT_ID = '/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/acc';
const NOW = new Date('2026-06-01T12:00:00Z');
const TOKEN: Token = {
  objectId: ADA,
  kind: 'user',
  tenantId: TENANT,
  audience: 'https://storage.azure.com',
  issuedAt: new Date(NOW.getTime() - 1000),
  expiresAt: new Date(NOW.getTime() + 1000),
};
const bearer = (changes: Partial<Token> = {}): string => `Bearer ${issueToken({ ...TOKEN, ...changes })}`;

/** What the gate refuses never reaches the server behind it: there is none here. */
describe('blob gate', () => {
  let certificate: Certificate;
  let server: HttpsServer;
  let gate: BlobGate;
  const asked: unknown[] = [];
  const answers: unknown[] = [];
  beforeAll(async () => {
    certificate = await makeCertificate();
    await using free = await startHttpsServer({ certificate, listener: () => undefined });
    gate = new BlobGate({
      upstream: { url: `${free.url}/upstream`, certificate: certificate.cert },
      controlPlane: {
        storageAccountId: (name) => (name === 'acc' ? ACCOUNT_ID : undefined),
        hasDataAction: (...question) => {
          asked.push(question);
          return question[1].endsWith('/allowed');
        },
      },
      tenantId: TENANT,
      now: () => NOW.getTime(),
      onAnswer: (answer) => answers.push(answer),
    });
    server = await startHttpsServer({ certificate, listener: gate.listener });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await gate[Symbol.asyncDispose]();
    await certificate[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    gate.heal();
    asked.length = 0;
    answers.length = 0;
  });

  const ask = (path: string, authorization?: string, method = 'GET', more: Record<string, string> = {}): ReturnType<typeof httpsRequest> =>
    httpsRequest(`${server.url}${path}`, {
      method,
      ca: certificate.cert,
      headers: { ...more, ...(authorization === undefined ? {} : { authorization }) },
    });

  it.each([
    ['an account that does not exist', '/nobody/con/a', bearer(), 404, 'ResourceNotFound'],
    ['nobody', '/acc/con/a', undefined, 409, 'PublicAccessNotPermitted'],
    ['a key', '/acc/con/a', 'SharedKey acc:c2lnbmF0dXJl', 403, 'KeyBasedAuthenticationNotPermitted'],
    ['a shared access signature', '/acc/con/a?sv=2021-12-02&sig=abc', undefined, 403, 'KeyBasedAuthenticationNotPermitted'],
    ['what is no token', '/acc/con/a', 'Bearer nonsense', 401, 'InvalidAuthenticationInfo'],
    ['a token for another service', '/acc/con/a', bearer({ audience: 'https://management.azure.com' }), 401, 'InvalidAuthenticationInfo'],
    ['a token of another directory', '/acc/con/a', bearer({ tenantId: ADA }), 401, 'InvalidAuthenticationInfo'],
    ['an old token', '/acc/con/a', bearer({ expiresAt: NOW }), 401, 'InvalidAuthenticationInfo'],
    ['a token of the future', '/acc/con/a', bearer({ issuedAt: new Date(NOW.getTime() + 1000) }), 401, 'InvalidAuthenticationInfo'],
    ['who has no role', '/acc/con/a', bearer(), 403, 'AuthorizationPermissionMismatch'],
    ['a name that no container has', '/acc/No_Container/a', bearer(), 400, 'InvalidResourceName'],
    ['a list of containers', '/acc/?comp=list', bearer(), 501, 'NotImplemented'],
  ])('refuses %s', async (_, path, authorization, status, code) => {
    const answer = await ask(path, authorization);
    expect(answer).toMatchObject({ status, headers: { 'x-ms-error-code': code, 'content-type': 'application/xml' } });
    expect(answer.body).toMatch(
      new RegExp(`^\uFEFF<\\?xml .*<Error><Code>${code}</Code><Message>.*RequestId:.*</Message>.*</Error>$`, 's'),
    );
    expect(answers).toEqual([{ method: 'GET', path: path.replace(/\?.*/, ''), status }]);
  });

  it('tells where to get a token, and what is wrong with the one that came', async () => {
    const answer = await ask('/acc/con/a', bearer({ expiresAt: NOW }));
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer authorization_uri=/);
    expect(answer.body).toContain(
      '<AuthenticationErrorDetail>Lifetime validation failed. The token is expired.</AuthenticationErrorDetail>',
    );
  });

  it('tells the code without a body, and the ids of the request', async () => {
    const answer = await ask('/acc/con/a', bearer(), 'HEAD', { 'x-ms-client-request-id': 'mine', 'x-ms-version': '2026-10-06' });
    expect(answer.body).toBe('');
    expect(answer.headers).toMatchObject({
      'x-ms-error-code': 'AuthorizationPermissionMismatch',
      'x-ms-client-request-id': 'mine',
      'x-ms-version': '2026-10-06',
    });
  });

  it('asks for the action at the container', async () => {
    await ask('/acc/con/a%20b', bearer(), 'PUT');
    const action = 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write';
    expect(asked).toEqual([[ADA, `${ACCOUNT_ID}/blobServices/default/containers/con`, action]]);
  });

  it('takes a token for the account alone', async () => {
    expect((await ask('/acc/con/a', bearer({ audience: 'https://acc.blob.core.windows.net/' }))).status).toBe(403);
    expect((await ask('/acc/con/a', bearer({ audience: 'https://other.blob.core.windows.net/' }))).status).toBe(401);
  });

  it('does not copy from a URL', async () => {
    expect((await ask('/acc/allowed/a', bearer(), 'PUT', { 'x-ms-copy-source': 'https://example.com/' })).status).toBe(501);
  });

  it('answers 500 while the server behind it is away', async () => {
    expect(await ask('/acc/allowed/a', bearer())).toMatchObject({ status: 500, headers: { 'x-ms-error-code': 'InternalError' } });
    await expect(gate.containerCreated('acc', 'con')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('fails as often as asked, where asked', async () => {
    gate.inject({ kind: 'busy', path: /\/a$/, times: 2 });
    gate.inject({ kind: 'error', path: /\/a$/, method: 'PUT' });
    const status = async (path: string, method?: string): Promise<number> => (await ask(path, bearer(), method)).status;
    expect(await status('/acc/con/b')).toBe(403);
    expect(await status('/acc/con/a')).toBe(503);
    expect(await status('/acc/con/a', 'PUT')).toBe(503);
    expect(await status('/acc/con/a')).toBe(403);
    expect(await status('/acc/con/a', 'PUT')).toBe(500);
    expect(await status('/acc/con/a', 'PUT')).toBe(403);
    gate.inject({ kind: 'busy', path: /./ });
    gate.heal();
    expect(await status('/acc/con/a')).toBe(403);
  });

  it('holds a request until it may go on', async () => {
    const [reached, goOn] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    gate.inject({
      kind: 'hold',
      path: /./,
      until: () => {
        reached.resolve(undefined);
        return goOn.promise;
      },
    });
    const held = ask('/acc/con/a', bearer());
    await reached.promise;
    expect((await ask('/acc/con/a', bearer())).status).toBe(403);
    expect(answers).toHaveLength(1);
    goOn.resolve(undefined);
    expect((await held).status).toBe(403);
  });
});
