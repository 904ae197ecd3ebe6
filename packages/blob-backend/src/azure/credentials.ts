import { bearerTokenAuthenticationPolicy, type PipelinePolicy } from '@azure/core-rest-pipeline';
import type { TokenCredential } from '@azure/identity';
import { tokenChannel, type TokenEvent } from '../events.ts';
import { parseConnectionString } from './connection-string.ts';
import { credentialError, deniedError, type AuthMethod } from './errors.ts';
import { readSecret, type SecretSource } from './secret-source.ts';
import { sharedKeyPolicy } from './shared-key.ts';

/** How to sign in. Secrets are named (environment variable or file), never given. */
export type AzureAuth =
  /** The identity of the Azure VM, scale set, container or function; `clientId` picks a user-assigned one. */
  | { readonly method: 'managed_identity'; readonly clientId?: string | undefined }
  /** A Kubernetes service account; what is not given comes from the variables that AKS sets. */
  | {
      readonly method: 'workload_identity';
      readonly clientId?: string | undefined;
      readonly tenantId?: string | undefined;
      readonly tokenFile?: string | undefined;
    }
  | { readonly method: 'service_principal'; readonly tenantId: string; readonly clientId: string; readonly clientSecret: SecretSource }
  /** Who is signed in by `az login`. */
  | { readonly method: 'azure_cli' }
  /** The first that works of environment, workload identity, managed identity and developer tools. */
  | { readonly method: 'default' }
  | { readonly method: 'shared_key'; readonly accountKey: SecretSource }
  /** A shared access signature: the query string, with or without `?`. */
  | { readonly method: 'sas'; readonly sas: SecretSource }
  | { readonly method: 'connection_string'; readonly connectionString: SecretSource }
  /** A container that is open to the public. */
  | { readonly method: 'anonymous' };

/** What a request needs to be let in. */
export interface Access {
  /** Base of all URLs, without a trailing slash. */
  readonly endpoint: string;
  /** Adds the Authorization header. */
  readonly policy?: PipelinePolicy;
  /** Query parameters of a shared access signature. */
  readonly sas?: string;
}

/** For whom access is wanted. */
export interface AccessRequest {
  readonly backend: string;
  readonly account: string;
  /** Configured endpoint. */
  readonly endpoint: string | undefined;
  readonly auth: AzureAuth;
}

const STORAGE_SCOPE = 'https://storage.azure.com/.default';

/** Reads the secrets and makes the credential. Fails with `BLOB_ACCESS_DENIED` that says what is missing. */
export async function openAccess(request: AccessRequest): Promise<Access> {
  const { backend, account, auth } = request;
  const endpoint = (request.endpoint ?? `https://${account}.blob.core.windows.net`).replace(/\/+$/, '');
  try {
    switch (auth.method) {
      case 'anonymous':
        return { endpoint };
      case 'shared_key':
        return { endpoint, policy: sharedKeyPolicy(account, await readSecret(auth.accountKey)) };
      case 'sas':
        return { endpoint, sas: withoutQuestionMark(await readSecret(auth.sas)) };
      case 'connection_string':
        return openConnectionString(request, await readSecret(auth.connectionString), endpoint);
      default:
        if (!endpoint.startsWith('https:'))
          throw new Error(`this method sends access tokens, which need an https endpoint, not ${endpoint}`);
        return { endpoint, policy: bearerTokenPolicy(backend, auth.method, await makeTokenCredential(auth)) };
    }
  } catch (cause) {
    throw credentialError(backend, auth.method, cause);
  }
}

type TokenAuth = Extract<AzureAuth, { method: 'managed_identity' | 'workload_identity' | 'service_principal' | 'azure_cli' | 'default' }>;

async function makeTokenCredential(auth: TokenAuth): Promise<TokenCredential> {
  const identity = await import('@azure/identity');
  switch (auth.method) {
    case 'managed_identity':
      return auth.clientId === undefined
        ? new identity.ManagedIdentityCredential()
        : new identity.ManagedIdentityCredential({ clientId: auth.clientId });
    case 'workload_identity':
      return new identity.WorkloadIdentityCredential({
        ...(auth.clientId === undefined ? {} : { clientId: auth.clientId }),
        ...(auth.tenantId === undefined ? {} : { tenantId: auth.tenantId }),
        ...(auth.tokenFile === undefined ? {} : { tokenFilePath: auth.tokenFile }),
      });
    case 'service_principal':
      return new identity.ClientSecretCredential(auth.tenantId, auth.clientId, await readSecret(auth.clientSecret));
    case 'azure_cli':
      return new identity.AzureCliCredential();
    case 'default':
      return new identity.DefaultAzureCredential();
  }
}

/** Adds the token; keeps it, and renews it before it ends. */
function bearerTokenPolicy(backend: string, method: AuthMethod, credential: TokenCredential): PipelinePolicy {
  return bearerTokenAuthenticationPolicy({
    scopes: STORAGE_SCOPE,
    credential: {
      async getToken(scopes, options) {
        const start = performance.now();
        let ok = false;
        try {
          const token = await credential.getToken(scopes, options);
          ok = token !== null;
          return token;
        } catch (cause) {
          throw credentialError(backend, method, cause);
        } finally {
          if (tokenChannel.hasSubscribers) {
            tokenChannel.publish({ backend, method, durationMs: performance.now() - start, ok } satisfies TokenEvent);
          }
        }
      },
    },
  });
}

function openConnectionString({ backend, account, endpoint: configured }: AccessRequest, text: string, defaultEndpoint: string): Access {
  const parsed = parseConnectionString(text);
  if (parsed.account !== undefined && parsed.account !== account) {
    throw deniedError(backend, `the connection string is for account "${parsed.account}", the backend is configured for "${account}"`);
  }
  const endpoint = (configured ?? parsed.endpoint ?? defaultEndpoint).replace(/\/+$/, '');
  if (parsed.accountKey !== undefined) return { endpoint, policy: sharedKeyPolicy(account, parsed.accountKey) };
  return { endpoint, sas: withoutQuestionMark(parsed.sas ?? '') };
}

function withoutQuestionMark(sas: string): string {
  return sas.replace(/^\?/, '');
}
