import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeCertificate, type Certificate } from '../../src/testing/certificate.ts';
import { startHttpsServer, type HttpsServer } from '../../src/testing/https-server.ts';
import { QueueGate } from '../../src/testing/queue-gate.ts';
import { issueToken } from '../../src/testing/tokens.ts';
import { httpsRequest } from './https-request.ts';

const TENANT = 'ab1f708d-50f6-404c-a006-d71b2ac7a606';
const ADA = '11059fcc-5514-4800-b5f8-49808b9cfab6';
const ACCOUNT_ID = '/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/acc';
const MESSAGES = 'Microsoft.Storage/storageAccounts/queueServices/queues/messages';
const NOW = new Date('2026-06-01T12:00:00Z');
const bearer = (audience = 'https://storage.azure.com'): string => {
  const [issuedAt, expiresAt] = [new Date(NOW.getTime() - 1000), new Date(NOW.getTime() + 1000)];
  return `Bearer ${issueToken({ objectId: ADA, kind: 'app', tenantId: TENANT, audience, issuedAt, expiresAt })}`;
};

/** What the gate refuses never reaches the server behind it: there is none here. */
describe('queue gate', () => {
  let certificate: Certificate;
  let server: HttpsServer;
  let gate: QueueGate;
  const asked: unknown[] = [];
  beforeAll(async () => {
    certificate = await makeCertificate();
    gate = new QueueGate({
      upstream: { url: 'https://127.0.0.1:1/upstream', certificate: certificate.cert },
      controlPlane: {
        storageAccountId: (name) => (name === 'acc' ? ACCOUNT_ID : undefined),
        hasQueueRights: (...question) => {
          asked.push(question);
          return false;
        },
      },
      tenantId: TENANT,
      now: () => NOW.getTime(),
    });
    server = await startHttpsServer({ certificate, listener: gate.listener });
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await gate[Symbol.asyncDispose]();
    await certificate[Symbol.asyncDispose]();
  });
  beforeEach(() => {
    asked.length = 0;
  });

  const ask = (path: string, authorization?: string): ReturnType<typeof httpsRequest> =>
    httpsRequest(`${server.url}${path}`, {
      method: 'GET',
      ca: certificate.cert,
      headers: authorization === undefined ? {} : { authorization },
    });

  it.each([
    ['an account that does not exist', '/nobody/jobs/messages', bearer(), 404, 'ResourceNotFound'],
    ['nobody', '/acc/jobs/messages', undefined, 401, 'NoAuthenticationInformation'],
    ['a key', '/acc/jobs/messages', 'SharedKey acc:c2lnbmF0dXJl', 403, 'KeyBasedAuthenticationNotPermitted'],
    ['a shared access signature', '/acc/jobs/messages?sig=abc', undefined, 403, 'KeyBasedAuthenticationNotPermitted'],
    ['a token for blobs', '/acc/jobs/messages', bearer('https://acc.blob.core.windows.net'), 401, 'InvalidAuthenticationInfo'],
    ['who has no role', '/acc/jobs/messages', bearer(), 403, 'AuthorizationPermissionMismatch'],
    ['a name that no queue has', '/acc/No_Queue/messages', bearer(), 400, 'InvalidResourceName'],
    ['a list of queues', '/acc/?comp=list', bearer(), 501, 'NotImplemented'],
  ])('refuses %s', async (_, path, authorization, status, code) => {
    expect(await ask(path, authorization)).toMatchObject({ status, headers: { 'x-ms-error-code': code } });
  });

  it('asks for the rights at the queue', async () => {
    await ask('/acc/jobs/messages?peekonly=true', bearer('https://acc.queue.core.windows.net'));
    expect(asked).toEqual([[ADA, `${ACCOUNT_ID}/queueServices/default/queues/jobs`, [[`${MESSAGES}/read`]]]]);
  });
});
