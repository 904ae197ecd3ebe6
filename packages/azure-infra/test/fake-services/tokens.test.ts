import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { issueToken, readToken, type Token } from '../../src/testing/tokens.ts';

const TOKEN: Token = {
  objectId: '11059fcc-5514-4800-b5f8-49808b9cfab6',
  kind: 'user',
  tenantId: 'ab1f708d-50f6-404c-a006-d71b2ac7a606',
  audience: 'https://storage.azure.com',
  issuedAt: new Date('2026-01-01T00:00:00Z'),
  expiresAt: new Date('2026-01-01T01:00:00Z'),
  name: 'ada@example.com',
};

describe('tokens', () => {
  it('are read as they were issued', () => {
    const dates = fc.date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true }).map((date) => {
      date.setMilliseconds(0);
      return date;
    });
    const tokens = fc.record({
      objectId: fc.uuid(),
      kind: fc.constantFrom('user', 'app'),
      tenantId: fc.uuid(),
      audience: fc.constantFrom('https://storage.azure.com', 'https://management.azure.com'),
      issuedAt: dates,
      expiresAt: dates,
      name: fc.string(),
      address: fc.ipV4(),
    });
    fc.assert(
      fc.property(tokens, (token) => {
        expect(readToken(`Bearer ${issueToken(token)}`)).toEqual(token);
      }),
    );
  });

  it('carry the claims that services look at', () => {
    const claims: unknown = JSON.parse(Buffer.from(issueToken(TOKEN).split('.')[1]!, 'base64url').toString());
    expect(claims).toEqual({
      aud: 'https://storage.azure.com',
      iss: 'https://sts.windows.net/ab1f708d-50f6-404c-a006-d71b2ac7a606/',
      iat: 1_767_225_600,
      nbf: 1_767_225_600,
      exp: 1_767_229_200,
      idtyp: 'user',
      oid: '11059fcc-5514-4800-b5f8-49808b9cfab6',
      sub: '11059fcc-5514-4800-b5f8-49808b9cfab6',
      tid: 'ab1f708d-50f6-404c-a006-d71b2ac7a606',
      ver: '1.0',
      upn: 'ada@example.com',
    });
  });

  it('name applications by their id', () => {
    const { objectId, tenantId, audience, issuedAt, expiresAt } = TOKEN;
    const token = { objectId, kind: 'app' as const, tenantId, audience, issuedAt, expiresAt };
    expect(readToken(`Bearer ${issueToken(token)}`)).toEqual({ ...token, name: objectId });
  });

  it('for an audience with a slash at its end are the same', () => {
    expect(readToken(`Bearer ${issueToken({ ...TOKEN, audience: 'https://storage.azure.com/' })}`)?.audience).toBe(TOKEN.audience);
  });

  it.each([undefined, '', 'Bearer', 'Bearer x', 'Bearer a.b.c', `Bearer a.${Buffer.from('null').toString('base64url')}.`, 'SharedKey a:b'])(
    'are not found in %j',
    (header) => expect(readToken(header)).toBeUndefined(),
  );

  it('are not found in what is no header of ours', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(readToken(text)).toBeUndefined();
      }),
    );
    fc.assert(
      fc.property(fc.json(), (json) => {
        expect(readToken(`Bearer a.${Buffer.from(json).toString('base64url')}.`)).toBeUndefined();
      }),
    );
  });
});
