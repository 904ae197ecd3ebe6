import type { TokenCredential } from '@azure/identity';
import { InfraError } from './errors.ts';
import type { Principal } from './graph/resource.ts';

export type { TokenCredential };

/** Who is signed in, as the access token says. */
export interface Caller extends Principal {
  /** For people: the name they sign in with, or the application's id. Undefined when the token does not tell. */
  readonly name: string | undefined;
  /** Address from which the token was asked for, where the token tells it. */
  readonly address: string | undefined;
}

/**
 * The credential of the person or service that runs the program: the first that works of environment, workload identity, managed
 * identity and developer tools such as the Azure CLI. `AZURE_TOKEN_CREDENTIALS` narrows the choice.
 */
export async function openCredential(): Promise<TokenCredential> {
  const { DefaultAzureCredential } = await import('@azure/identity');
  return new DefaultAzureCredential();
}

/**
 * Reads who is signed in from the claims of an access token; nothing is verified, since the services do that.
 * Claims: https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference
 *
 * @param scope such as `https://management.azure.com/.default`
 * @throws {InfraError} `INFRA_SIGN_IN` when no credential works.
 */
export async function identifyCaller(credential: TokenCredential, scope: string, signal: AbortSignal): Promise<Caller> {
  let token: string;
  try {
    const answer = await credential.getToken(scope, { abortSignal: signal });
    if (answer === null) throw new Error('the credential gave no token');
    token = answer.token;
  } catch (cause) {
    signal.throwIfAborted();
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new InfraError(
      'INFRA_SIGN_IN',
      `could not sign in to Azure: run "az login", or set AZURE_TOKEN_CREDENTIALS to choose another credential.\n${reason}`,
      [],
      { cause },
    );
  }
  const claims = readClaims(token);
  const objectId = text(claims.get('oid'));
  if (objectId === undefined)
    throw new InfraError('INFRA_SIGN_IN', 'the access token names no object id (claim "oid"), so no role can be assigned to its owner');
  return {
    objectId,
    type: principalType(claims),
    name: text(claims.get('upn')) ?? text(claims.get('unique_name')) ?? text(claims.get('appid')),
    address: text(claims.get('ipaddr')),
  };
}

/** The claim `idtyp` says it where it is there; tokens without it name the scopes (`scp`) that a person has consented to, and applications have none. */
function principalType(claims: ReadonlyMap<string, unknown>): Principal['type'] {
  const type = claims.get('idtyp') ?? (claims.has('scp') || claims.has('upn') ? 'user' : 'app');
  return type === 'user' ? 'User' : 'ServicePrincipal';
}

function readClaims(token: string): ReadonlyMap<string, unknown> {
  try {
    const payload: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    return new Map(Object.entries(typeof payload === 'object' && payload !== null ? payload : {}));
  } catch (cause) {
    throw new InfraError('INFRA_SIGN_IN', 'the access token cannot be read, so it is not known who is signed in', [], { cause });
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
