import { describe, expect, it } from 'vitest';
import { identifyCaller, type TokenCredential } from '../src/index.ts';

const { signal } = new AbortController();
const OBJECT_ID = 'aaaaaaaa-0000-4000-8000-000000000001';

function credential(claims: object): TokenCredential {
  const token = ['e30', Buffer.from(JSON.stringify(claims)).toString('base64url'), ''].join('.');
  return { getToken: () => Promise.resolve({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) };
}

function caller(claims: object): Promise<unknown> {
  return identifyCaller(credential(claims), 'https://management.azure.com/.default', signal);
}

describe('who is signed in', () => {
  it('is a person or a service, by idtyp and oid of the token', async () => {
    expect(await caller({ oid: OBJECT_ID, idtyp: 'user', upn: 'me@example.com', ipaddr: '203.0.113.7' })).toEqual({
      objectId: OBJECT_ID,
      type: 'User',
      name: 'me@example.com',
      address: '203.0.113.7',
    });
    expect(await caller({ oid: OBJECT_ID, idtyp: 'app', appid: 'the-app' })).toEqual({
      objectId: OBJECT_ID,
      type: 'ServicePrincipal',
      name: 'the-app',
      address: undefined,
    });
  });

  it('is told apart without idtyp by what only a person has', async () => {
    expect(await caller({ oid: OBJECT_ID, scp: 'user_impersonation' })).toMatchObject({ type: 'User' });
    expect(await caller({ oid: OBJECT_ID, appid: 'the-app', roles: ['x'] })).toMatchObject({ type: 'ServicePrincipal' });
  });

  it.each([{}, { oid: '' }])('must have an object id: %j', async (claims) => {
    await expect(caller(claims)).rejects.toMatchObject({
      code: 'INFRA_SIGN_IN',
      message: expect.stringContaining('no object id') as string,
    });
  });

  it('is not known when the token cannot be read, or there is none', async () => {
    const broken = { getToken: () => Promise.resolve({ token: 'opaque', expiresOnTimestamp: 0 }) };
    await expect(identifyCaller(broken, 'scope', signal)).rejects.toMatchObject({ code: 'INFRA_SIGN_IN' });
    const none = { getToken: () => Promise.resolve(null) };
    await expect(identifyCaller(none, 'scope', signal)).rejects.toMatchObject({ message: expect.stringContaining('az login') as string });
  });

  it('stops asking when it is told to, with the reason', async () => {
    const reason = new Error('Ctrl-C');
    const slow = { getToken: () => Promise.reject(new Error('aborted')) };
    await expect(identifyCaller(slow, 'scope', AbortSignal.abort(reason))).rejects.toBe(reason);
  });
});
