import {
  AzureBackend,
  LocalBackend,
  withRequestEvents,
  withRetries,
  type AzureAuth,
  type BlobBackend,
  type SecretSource,
} from '@warpforge/blob-backend';
import type { AuthConfig, BackendConfig } from './config/schema.ts';
import { CommandError, explain } from './failure.ts';

/** One configured backend, ready to be read. */
export interface OpenBackend {
  readonly backend: BlobBackend;
  readonly config: BackendConfig;
}

/** Makes the backends. No request is made and no secret is read before they are used. */
export function openBackends(configs: readonly BackendConfig[]): OpenBackend[] {
  return configs.map((config) => ({ config, backend: withRetries(withRequestEvents(connect(config))) }));
}

/** What a backend reads, for people: `account/container/prefix`, or a folder. */
export function locationOf(backend: BackendConfig): string {
  if (backend.type === 'local') return backend.config.path;
  const { account, container, prefix, endpoint } = backend.config;
  return `${account}/${container}${prefix === undefined ? '' : `/${prefix}`}${endpoint === undefined ? '' : ` at ${endpoint}`}`;
}

/** Retries included, a backend that can't be reached in this time can't be reached. */
const CHECK_LIMIT_MS = 15_000;

/**
 * Lists one entry of each backend, all at once: a wrong account, key, container or endpoint is found at the start, and not by the first
 * reader. Rejects with all faults in one message.
 */
export async function checkBackends(backends: readonly OpenBackend[], signal: AbortSignal): Promise<void> {
  const faults = await Promise.all(
    backends.map(async ({ backend, config }) => {
      const limit = AbortSignal.timeout(CHECK_LIMIT_MS);
      try {
        const pages = backend
          .list({ prefix: '', delimiter: '/', pageSize: 1, signal: AbortSignal.any([signal, limit]) })
          [Symbol.asyncIterator]();
        await pages.next();
        await pages.return?.();
        return undefined;
      } catch (error) {
        signal.throwIfAborted();
        const why = limit.aborted ? `${config.name}: no answer within ${CHECK_LIMIT_MS / 1000} s` : explain(error);
        return { message: `${why} (${config.type} ${locationOf(config)})`, error };
      }
    }),
  );
  const found = faults.filter((fault) => fault !== undefined);
  if (found.length === 0) return;
  const [first, ...more] = found.map(({ message }) => message);
  const message =
    more.length === 0 ? `backend ${first ?? ''}` : `${found.length} backends can't be used:\n  ${[first, ...more].join('\n  ')}`;
  throw new CommandError('BACKEND', message, { cause: found[0]?.error });
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
