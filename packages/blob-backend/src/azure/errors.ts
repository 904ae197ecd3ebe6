// From what Azure, the network and the credential library say to a BlobError that says what to check.
import { BlobError, type BlobErrorCode, type BlobErrorKind } from '../errors.ts';
import { blobChanged, blobNotFound } from '../failures.ts';
import type { AzureAuth } from './credentials.ts';
import { networkFailure } from './network-failure.ts';

/** Who asked for what, for the messages. No secret is in it: the endpoint is without a query. */
export interface ErrorContext {
  readonly backend: string;
  readonly account: string;
  readonly container: string;
  readonly endpoint: string;
  readonly method: AuthMethod;
  /** Name of the blob; absent for a listing. */
  readonly blob?: string | undefined;
}

/** The configured way to sign in. */
export type AuthMethod = AzureAuth['method'];

/** What to check when a method gives no credential. */
const CREDENTIAL_HINTS: Readonly<Record<AuthMethod, string>> = {
  managed_identity: 'check that this machine has a managed identity, and that the client ID, if one is configured, belongs to it',
  workload_identity: 'check the client ID, the tenant ID and the token file (AZURE_CLIENT_ID, AZURE_TENANT_ID, AZURE_FEDERATED_TOKEN_FILE)',
  service_principal: 'check the tenant ID, the client ID and that the client secret has not expired',
  azure_cli: 'run "az login" as the user that runs this process',
  default: 'run "az login", or configure the method that is meant',
  shared_key: 'check where the account key is to come from',
  sas: 'check where the shared access signature is to come from',
  connection_string: 'check where the connection string is to come from',
  anonymous: 'configure an auth method',
};

/** What to check when Azure does not accept who signed in (403 AuthenticationFailed and the like). */
const REFUSED_HINTS: Readonly<Record<AuthMethod, string>> = {
  managed_identity: 'check that the identity belongs to the tenant of the account',
  workload_identity: 'check that the identity belongs to the tenant of the account',
  service_principal: 'check that the service principal belongs to the tenant of the account',
  azure_cli: 'check with "az account show" that the tenant is that of the account',
  default: 'configure the auth method that is meant',
  shared_key: 'the key does not fit the account (or the clock of this machine is wrong by more than 15 minutes)',
  sas: 'the shared access signature is wrong, has expired, or does not cover this container or operation',
  connection_string:
    'the key or signature in the connection string does not fit the account (or the clock of this machine is wrong by more than 15 minutes)',
  anonymous: 'the container is not open to the public; configure an auth method',
};

/** Azure's error codes that need a message of their own. */
const DENIED_MESSAGES: Readonly<Record<string, string>> = {
  AuthorizationPermissionMismatch:
    'give the identity the role "Storage Blob Data Reader" on the container (a new role takes up to 10 minutes)',
  AuthorizationSourceIPMismatch: 'the shared access signature is not valid from this IP address',
  AuthorizationProtocolMismatch: 'the shared access signature is valid for https only',
  AuthorizationResourceTypeMismatch: 'the shared access signature must cover containers and objects',
  AuthorizationServiceMismatch: 'the shared access signature is not for the blob service',
  InsufficientAccountPermissions: 'the account lacks the permission for this operation',
  AccountIsDisabled: 'the storage account is disabled',
  KeyBasedAuthenticationNotPermitted: 'the account forbids keys; configure managed_identity or another method that signs in by token',
  PublicAccessNotPermitted: 'the account forbids public access; configure an auth method',
};

const NAME_CODES = new Set(['InvalidResourceName', 'OutOfRangeInput', 'InvalidUri']);
const CONTAINER_GONE_CODES = new Set(['ContainerNotFound', 'ContainerBeingDeleted', 'ContainerDisabled']);
const CHANGED_CODES = new Set(['BlobModifiedWhileReading', 'BlobOverwritten']);
const ARCHIVED_CODES = new Set(['BlobArchived', 'BlobBeingRehydrated', 'BlobNotRehydrated']);
const AUTHENTICATION_CODES = new Set(['InvalidAuthenticationInfo', 'NoAuthenticationInformation']);

/** Reads one response header. */
export type HeaderLookup = (name: string) => string | undefined;

/** The error for an answer that is not a success. */
export function answerError(context: ErrorContext, status: number, header: HeaderLookup): BlobError {
  const code = header('x-ms-error-code');
  const what = `${status}${code === undefined ? '' : ` ${code}`}`;
  const request = header('x-ms-request-id');
  const trace = request === undefined ? '' : ` [request ${request}]`;
  const error = (blobCode: BlobErrorCode, kind: BlobErrorKind, message: string, retryAfterMs?: number): BlobError =>
    new BlobError(blobCode, kind, context.backend, `${message}${trace}`, { retryAfterMs });

  if (code !== undefined && CONTAINER_GONE_CODES.has(code)) {
    return error('BLOB_CONTAINER_NOT_FOUND', 'not_found', `account "${context.account}" has no container "${context.container}" (${what})`);
  }
  if (status === 404 && code === undefined) {
    // The blob service always names its reason, so this is another server's 404: nothing is known about the blob.
    return error('BLOB_PROTOCOL', 'protocol', `${context.endpoint} answered 404 and not like a blob service; check the endpoint`);
  }
  if (isDenied(context, status, code)) return error('BLOB_ACCESS_DENIED', 'denied', deniedMessage(context, code, what));
  if (status === 404) {
    if (context.blob !== undefined && code === 'BlobNotFound') return blobNotFound(context.backend, context.blob);
    if (context.blob !== undefined) return error('BLOB_NOT_FOUND', 'not_found', `there is no blob "${context.blob}" (${what})`);
    return error('BLOB_CONTAINER_NOT_FOUND', 'not_found', `there is no container "${context.container}" (${what})`);
  }
  if (code !== undefined && ARCHIVED_CODES.has(code)) {
    const message = `"${context.blob ?? ''}" is in the archive tier (${what}); rehydrate it to the hot, cool or cold tier first`;
    return error('BLOB_REQUEST', 'request', message);
  }
  if (status === 412 || (code !== undefined && CHANGED_CODES.has(code))) return blobChanged(context.backend, context.blob ?? '');
  if (status === 416) {
    return error('BLOB_RANGE', 'range', `the range lies outside "${context.blob ?? ''}" (${what})`);
  }
  if (status === 429 || (status === 503 && code === 'ServerBusy')) {
    const message = `account "${context.account}" is throttled (${what}); fetch less at once or ask for a higher limit`;
    return error('BLOB_THROTTLED', 'throttled', message, retryAfterMs(header));
  }
  if (status >= 500) return error('BLOB_SERVICE', 'service', `${context.endpoint} failed (${what})`, retryAfterMs(header));
  if (code !== undefined && NAME_CODES.has(code)) {
    const name = context.blob === undefined ? `container name "${context.container}"` : `name "${context.container}/${context.blob}"`;
    return error('BLOB_REQUEST', 'request', `${context.endpoint} does not accept the ${name} (${what}); check the configured names`);
  }
  if (status >= 400) return error('BLOB_REQUEST', 'request', `${context.endpoint} refused the request (${what})`);
  return error('BLOB_PROTOCOL', 'protocol', `${context.endpoint} gave an unexpected answer (${what})`);
}

function isDenied({ method }: ErrorContext, status: number, code: string | undefined): boolean {
  if (status === 401 || status === 403) return true;
  if (code === undefined) return false;
  // Without a credential Azure hides what exists: this 404 says nothing about the blob.
  if (status === 404) return method === 'anonymous' && code === 'ResourceNotFound';
  return AUTHENTICATION_CODES.has(code) || code in DENIED_MESSAGES;
}

function deniedMessage({ account, container, method }: ErrorContext, code: string | undefined, what: string): string {
  const refused = REFUSED_HINTS[method];
  // What Azure says of network rules, and of signatures that do not cover the request; Azurite says it of wrong keys as well.
  const network = code === 'AuthorizationFailure' ? `${refused}, or the network rules of the account keep this machine out` : refused;
  const hint = (code === undefined ? undefined : DENIED_MESSAGES[code]) ?? network;
  return `account "${account}" denied access to container "${container}" by auth method ${method} (${what}): ${hint}`;
}

/** `Retry-After` in milliseconds: seconds, or a date that is measured against the answer's own clock. */
function retryAfterMs(header: HeaderLookup): number | undefined {
  const milliseconds = Number(header('x-ms-retry-after-ms') ?? header('retry-after-ms') ?? NaN);
  if (milliseconds >= 0) return milliseconds;
  const value = header('retry-after');
  if (value === undefined) return undefined;
  if (/^\d+$/.test(value.trim())) return Number(value) * 1000;
  const wait = Date.parse(value) - Date.parse(header('date') ?? '');
  return wait >= 0 ? wait : undefined;
}

/** `BLOB_ACCESS_DENIED` with this message. */
export function deniedError(backend: string, message: string, cause?: unknown): BlobError {
  return new BlobError('BLOB_ACCESS_DENIED', 'denied', backend, message, { cause });
}

/** Messages of credential libraries run over pages; this is the part that says something. */
const CAUSE_CHARACTERS_KEPT = 300;

/** The error when no credential could be had: denied, unless only the network was in the way. */
export function credentialError(backend: string, method: AuthMethod, cause: unknown): BlobError {
  if (cause instanceof BlobError) return cause;
  const network = networkFailure(cause);
  if (network !== undefined) {
    const message = `no access token by auth method ${method}: ${network.message}; ${CREDENTIAL_HINTS[method]}`;
    return new BlobError('BLOB_UNREACHABLE', network.kind, backend, message, { cause });
  }
  const reason = (cause instanceof Error ? cause.message : String(cause)).split('\n', 1)[0]?.slice(0, CAUSE_CHARACTERS_KEPT) ?? '';
  return deniedError(
    backend,
    `no credential by auth method ${method}: ${reason.replace(/[.;:\s]+$/, '')}; ${CREDENTIAL_HINTS[method]}`,
    cause,
  );
}

/** The error for a request that got no answer, or whose answer broke off. */
export function transportError(context: ErrorContext, cause: unknown): BlobError {
  if (cause instanceof BlobError) return cause;
  const { kind, message } = networkFailure(cause) ?? { kind: 'network', message: cause instanceof Error ? cause.message : String(cause) };
  return new BlobError('BLOB_UNREACHABLE', kind, context.backend, `no answer from ${context.endpoint}: ${message}`, {
    cause: withoutRequest(cause),
  });
}

/** The SDK's errors carry the request with its Authorization header: that must not travel into logs. */
function withoutRequest(cause: unknown): unknown {
  if (!(cause instanceof Error) || !('request' in cause)) return cause;
  return Object.assign(new Error(cause.message), 'code' in cause ? { code: cause.code } : {});
}

/** The error for a request after whose start, or in whose middle, nothing came for too long. */
export function timeoutError(context: ErrorContext, timeoutMs: number): BlobError {
  const message = `nothing came from ${context.endpoint} for ${timeoutMs / 1000} s; check the network between here and there`;
  return new BlobError('BLOB_TIMEOUT', 'timeout', context.backend, message);
}
