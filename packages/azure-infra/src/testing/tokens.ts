/** Who a token was made out to and what for. */
export interface Token {
  /** The principal's object id in the directory, a GUID: what role assignments name. */
  readonly objectId: string;
  /** A person, or an application: service principals and managed identities. */
  readonly kind: 'user' | 'app';
  /** The directory, a GUID. */
  readonly tenantId: string;
  /** The service that it is for, without a slash at its end: `https://storage.azure.com`, `https://management.azure.com`. */
  readonly audience: string;
  /** Valid from then on. Tokens keep whole seconds. */
  readonly issuedAt: Date;
  /** Not valid any more from then on. */
  readonly expiresAt: Date;
  /** How the directory calls the principal: a user's principal name (`ada@example.com`), an application's id (a GUID). Default: made from the object id. */
  readonly name?: string;
  /** IP address from which the token was asked for. */
  readonly address?: string;
}

/**
 * An access token as Microsoft Entra ID issues it, but unsigned: who checks signatures refuses it. Azurite with `--oauth basic` accepts it.
 *
 * Claims: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
 */
export function issueToken(token: Token): string {
  const { objectId, kind, tenantId, issuedAt, expiresAt } = token;
  const claims = {
    aud: token.audience,
    iss: `https://sts.windows.net/${tenantId}/`,
    iat: seconds(issuedAt),
    nbf: seconds(issuedAt),
    exp: seconds(expiresAt),
    idtyp: kind,
    oid: objectId,
    sub: objectId,
    tid: tenantId,
    ver: '1.0',
    ...(kind === 'user' ? { upn: token.name ?? `${objectId}@example.com` } : { appid: token.name ?? objectId }),
    ...(token.address === undefined ? {} : { ipaddr: token.address }),
  };
  return `${encode({ alg: 'none', typ: 'JWT' })}.${encode(claims)}.`;
}

/**
 * What the bearer token of an `Authorization` header says; `undefined` where there is none, or none that {@link issueToken} could have
 * made. Whether it is still valid, and for which service, is for the caller to check.
 */
export function readToken(authorizationHeader: string | undefined): Token | undefined {
  const payload = /^Bearer [\w-]+\.([\w-]+)\.[\w-]*$/i.exec(authorizationHeader ?? '')?.[1];
  const claims = payload === undefined ? undefined : decode(payload);
  if (claims === undefined) return undefined;
  const { aud, iat, exp, idtyp, oid, tid, upn, appid, ipaddr } = claims;
  if (typeof oid !== 'string' || typeof tid !== 'string' || typeof aud !== 'string') return undefined;
  if (typeof iat !== 'number' || typeof exp !== 'number' || (idtyp !== 'user' && idtyp !== 'app')) return undefined;
  const name = idtyp === 'user' ? upn : appid;
  return {
    objectId: oid,
    kind: idtyp,
    tenantId: tid,
    audience: aud.replace(/\/$/, ''),
    issuedAt: new Date(iat * 1000),
    expiresAt: new Date(exp * 1000),
    ...(typeof name === 'string' ? { name } : {}),
    ...(typeof ipaddr === 'string' ? { address: ipaddr } : {}),
  };
}

function seconds(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

function decode(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'));
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}
