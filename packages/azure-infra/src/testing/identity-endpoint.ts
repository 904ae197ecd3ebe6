import { timingSafeEqual } from 'node:crypto';
import type { HttpHandler, HttpResponse } from './http.ts';
import { issueToken } from './tokens.ts';

/** A managed identity. */
export interface ManagedIdentity {
  /** What role assignments name. */
  readonly objectId: string;
  /** Its application id. Default: the object id. */
  readonly clientId?: string;
}

/** An identity that exists by itself and is assigned to the machine. */
export interface UserAssignedIdentity extends Required<ManagedIdentity> {
  readonly resourceId: string;
}

/** What the endpoint hands tokens out for. */
export interface IdentityEndpointOptions {
  readonly tenantId: string;
  /** What callers must send, so that only who reads `IDENTITY_HEADER` gets a token. */
  readonly header: string;
  /** The system-assigned identity of the machine at this moment; `undefined` when it has none. */
  readonly identity: () => ManagedIdentity | undefined;
  /** The others that it has. Default: none. */
  readonly userAssigned?: () => readonly UserAssignedIdentity[];
  /** Wall clock, in milliseconds. Default `Date.now`. */
  readonly now?: () => number;
}

const API_VERSION = '2019-08-01';

/** Managed identities' tokens live for a day. https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/managed-identities-faq */
const TOKEN_LIFE_MS = 24 * 60 * 60 * 1000;

/** Parameters that ask for a user-assigned identity. */
const CHOOSING_PARAMETERS = ['client_id', 'principal_id', 'object_id', 'mi_res_id', 'msi_res_id'];

/**
 * The endpoint from which a process on a machine with a managed identity gets its tokens, by App Service's protocol: `IDENTITY_ENDPOINT`
 * names its URL, `IDENTITY_HEADER` the header's value. `@azure/identity` prefers it to the fixed address of a real VM's endpoint.
 *
 * Protocol: https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
 */
export function identityEndpoint({
  tenantId,
  header,
  identity,
  userAssigned = () => [],
  now = Date.now,
}: IdentityEndpointOptions): HttpHandler {
  const expected = Buffer.from(header);
  return (request) => {
    const given = Buffer.from(request.headers['x-identity-header'] ?? '');
    const { searchParams } = new URL(request.url);
    const resource = searchParams.get('resource');
    if (request.method !== 'GET') return refuse(405, 'only GET is answered');
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return refuse(401, 'X-IDENTITY-HEADER is missing or wrong');
    if (searchParams.get('api-version') !== API_VERSION) return refuse(400, `api-version must be ${API_VERSION}`);
    if (resource === null || resource === '') return refuse(400, 'resource is missing');
    const chosen = CHOOSING_PARAMETERS.map((name) => searchParams.get(name)).filter((value) => value !== null);
    const found = choose(chosen, identity(), userAssigned());
    if (typeof found === 'string') return refuse(400, found);
    const { objectId, clientId = objectId } = found;
    const issuedAt = new Date(now());
    const expiresAt = new Date(now() + TOKEN_LIFE_MS);
    const token = issueToken({
      objectId,
      kind: 'app',
      tenantId,
      audience: resource.replace(/\/$/, ''),
      issuedAt,
      expiresAt,
      name: clientId,
    });
    return respond(200, {
      access_token: token,
      expires_on: String(Math.floor(expiresAt.getTime() / 1000)),
      resource,
      token_type: 'Bearer',
      client_id: clientId,
    });
  };
}

/**
 * The identity that is asked for by any of its ids; when none is, the machine's own, or the only one assigned to it.
 *
 * @returns why there is none, as text.
 */
function choose(
  chosen: readonly string[],
  own: ManagedIdentity | undefined,
  assigned: readonly UserAssignedIdentity[],
): ManagedIdentity | string {
  if (chosen.length === 0) {
    const [only, ...more] = assigned;
    if (own !== undefined) return own;
    if (only === undefined) return 'no managed identity found: the machine does not exist or has none';
    return more.length === 0 ? only : 'the machine has several user-assigned identities: the request must say which one';
  }
  const idsOf = ({ objectId, clientId = objectId, resourceId = objectId }: ManagedIdentity & { readonly resourceId?: string }): string[] =>
    [objectId, clientId, resourceId].map((id) => id.toLowerCase());
  const found = [...(own === undefined ? [] : [own]), ...assigned].find((candidate) =>
    chosen.every((id) => idsOf(candidate).includes(id.toLowerCase())),
  );
  if (found !== undefined) return found;
  if (own === undefined && assigned.length === 0) return 'no managed identity found: the machine does not exist or has none';
  const has = assigned.length === 0 ? 'the machine has a system-assigned one only' : 'it is not one of the machine';
  return `no managed identity found for ${chosen.join(', ')}: ${has}`;
}

function refuse(statusCode: number, message: string): Promise<HttpResponse> {
  return respond(statusCode, { statusCode, message });
}

function respond(status: number, body: object): Promise<HttpResponse> {
  return Promise.resolve({ status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
}
