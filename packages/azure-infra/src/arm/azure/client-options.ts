import type { TokenCredential } from '@azure/identity';
import type { HttpClient, PipelinePolicy } from '@azure/core-rest-pipeline';
import { rememberFaults } from './failures.ts';

/** Azure's public cloud. */
export const PUBLIC_CLOUD = 'https://management.azure.com';

/** How to reach Azure Resource Manager. */
export interface AzureClientOptions {
  readonly credential: TokenCredential;
  readonly subscriptionId: string;
  /** Base URL of Resource Manager; default: Azure's public cloud. */
  readonly endpoint?: string;
  /** Sends the requests; default: over the network. */
  readonly httpClient?: HttpClient;
  /** Time between two looks at something that takes long, where the service does not say when to come back. Default 2,000. */
  readonly pollIntervalMs?: number;
}

/** A VM takes half a minute, so that seconds do not matter; Azure allows 1,200 reads an hour and caller. */
const POLL_INTERVAL_MS = 2_000;

interface HttpOptions {
  readonly httpClient?: HttpClient;
  additionalPolicies: { readonly policy: PipelinePolicy; readonly position: 'perRetry' }[];
}

/** The options with their defaults, in the forms that the generated clients take. */
export interface ClientSettings {
  readonly credential: TokenCredential;
  readonly subscriptionId: string;
  readonly pollIntervalMs: number;
  /** For clients of the current generation. */
  readonly modular: HttpOptions & { readonly endpoint: string; readonly credentials: { readonly scopes: string[] } };
  /** For clients of the generation before. */
  readonly classic: HttpOptions & { readonly endpoint: string; readonly credentialScopes: string };
}

/** Scope of access tokens for Resource Manager at an endpoint. */
export function managementScope(endpoint: string = PUBLIC_CLOUD): string {
  return `${endpoint.replace(/\/+$/, '')}/.default`;
}

/** Fills in the defaults. */
export function clientSettings(options: AzureClientOptions): ClientSettings {
  const endpoint = (options.endpoint ?? PUBLIC_CLOUD).replace(/\/+$/, '');
  const scope = managementScope(endpoint);
  const http = {
    additionalPolicies: [{ policy: rememberFaults, position: 'perRetry' as const }],
    ...(options.httpClient === undefined ? {} : { httpClient: options.httpClient }),
  };
  return {
    credential: options.credential,
    subscriptionId: options.subscriptionId,
    pollIntervalMs: options.pollIntervalMs ?? POLL_INTERVAL_MS,
    modular: { endpoint, credentials: { scopes: [scope] }, ...http },
    classic: { endpoint, credentialScopes: scope, ...http },
  };
}
