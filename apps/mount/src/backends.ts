import {
  AzureBackend,
  BlobError,
  LocalBackend,
  withRequestEvents,
  withRetries,
  type AzureAuth,
  type BlobBackend,
  type SecretSource,
} from '@warpforge/blob-backend';
import type { AuthConfig, BackendConfig } from './config/schema.ts';
import { CommandError } from './failure.ts';

/** One configured backend, ready to be read. */
export interface OpenBackend {
  /** Repeats what fails for a reason that may pass. */
  readonly backend: BlobBackend;
  /** The same, for who has no time to wait. */
  readonly impatient: BlobBackend;
  readonly config: BackendConfig;
}

/** Makes the backends. No request is made and no secret is read before they are used. */
export function openBackends(configs: readonly BackendConfig[]): OpenBackend[] {
  return configs.map((config) => {
    const once = withRequestEvents(connect(config));
    return { config, backend: withRetries(once), impatient: withRetries(once, { attempts: CHECK_ATTEMPTS }) };
  });
}

/** What a backend reads, for people: `account/container/prefix`, or a folder. */
export function locationOf(backend: BackendConfig): string {
  if (backend.type === 'local') return backend.config.path;
  const { account, container, prefix, endpoint } = backend.config;
  return `${account}/${container}${prefix === undefined ? '' : `/${prefix}`}${endpoint === undefined ? '' : ` at ${endpoint}`}`;
}

/** One lost connection is no reason not to start; a wrong name of a host is to be told at once. */
const CHECK_ATTEMPTS = 2;
/** A backend that has not answered by then is taken for unreachable. */
const CHECK_LIMIT_MS = 15_000;

/**
 * Lists one entry of each backend, all at once: a wrong account, key, container or endpoint is found at the start, and not by the first
 * reader. Rejects with all faults in one message.
 */
export async function checkBackends(backends: readonly OpenBackend[], signal: AbortSignal): Promise<void> {
  const faults = (await Promise.all(backends.map((backend) => faultOf(backend, signal)))).filter((fault) => fault !== undefined);
  if (faults.length === 0) return;
  const messages = faults.map(({ message }) => message);
  const message =
    messages.length === 1 ? `backend ${messages.join()}` : `${messages.length} backends can't be used:\n  ${messages.join('\n  ')}`;
  throw new CommandError('BACKEND', message, { cause: faults[0]?.error });
}

async function faultOf({ impatient, config }: OpenBackend, signal: AbortSignal): Promise<{ message: string; error: unknown } | undefined> {
  const limit = AbortSignal.timeout(CHECK_LIMIT_MS);
  const fault = (why: string, error: unknown): { message: string; error: unknown } => ({
    message: `${why} (${config.type} ${locationOf(config)})`,
    error,
  });
  try {
    const pages = impatient.list({ prefix: '', delimiter: '/', pageSize: 1, signal: AbortSignal.any([signal, limit]) });
    const iterator = pages[Symbol.asyncIterator]();
    await iterator.next();
    await iterator.return?.();
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof BlobError) return fault(error.message, error);
    if (limit.aborted) return fault(`${config.name}: no answer within ${CHECK_LIMIT_MS / 1000} s`, error);
    throw error;
  }
}

function connect(config: BackendConfig): BlobBackend {
  if (config.type === 'local') return new LocalBackend({ name: config.name, path: config.config.path });
  const { account, container, prefix, endpoint } = config.config;
  return new AzureBackend({ name: config.name, account, container, prefix, endpoint, auth: azureAuth(config.auth) });
}

function azureAuth(auth: AuthConfig): AzureAuth {
  switch (auth.method) {
    case 'managed_identity':
      return { method: auth.method, clientId: auth.client_id };
    case 'workload_identity':
      return { method: auth.method, clientId: auth.client_id, tenantId: auth.tenant_id, tokenFile: auth.token_file };
    case 'service_principal':
      return {
        method: auth.method,
        tenantId: auth.tenant_id,
        clientId: auth.client_id,
        clientSecret: secret(auth.client_secret_env, auth.client_secret_file),
      };
    case 'shared_key':
      return { method: auth.method, accountKey: secret(auth.account_key_env, auth.account_key_file) };
    case 'sas':
      return { method: auth.method, sas: secret(auth.sas_env, auth.sas_file) };
    case 'connection_string':
      return { method: auth.method, connectionString: secret(auth.connection_string_env, auth.connection_string_file) };
    case 'azure_cli':
    case 'default':
    case 'anonymous':
      return { method: auth.method };
  }
}

/** The schema has seen to it that exactly one of the two is there. */
function secret(env: string | undefined, file: string | undefined): SecretSource {
  if (env !== undefined) return { env };
  if (file !== undefined) return { file };
  throw new TypeError('a secret without a source');
}
