import type { Caller, InfraSettings, ResourceManager, TokenCredential } from '@warpforge/azure-infra';

/** A sign-in to Azure, and one subscription. */
export interface AzureSession {
  readonly credential: TokenCredential;
  readonly manager: ResourceManager;
  readonly caller: Caller;
}

/**
 * Base URL of Resource Manager. Azure's other clouds have their own (`https://management.usgovcloudapi.net`), and so has the local
 * stand-in for Azure.
 */
const ENDPOINT_VARIABLE = 'AZURE_RESOURCE_MANAGER_ENDPOINT';

/** Where Resource Manager is, when it is not that of public Azure. */
export function resourceManagerEndpoint(): { readonly endpoint?: string } {
  const endpoint = process.env[ENDPOINT_VARIABLE];
  return endpoint === undefined || endpoint === '' ? {} : { endpoint };
}

/** Signs in, says who it is, and opens the subscription of the settings. */
export async function openAzure(settings: InfraSettings, signal: AbortSignal): Promise<AzureSession> {
  const { identifyCaller, InfraError, managementScope, openCredential, openResourceManager } = await import('@warpforge/azure-infra');
  const { subscriptionId } = settings;
  if (subscriptionId === undefined) {
    throw new InfraError(
      'INFRA_SETTINGS_INVALID',
      'no subscription is given: export AZURE_SUBSCRIPTION_ID="$(az account show --query id --output tsv)", or give it with --subscription-id',
    );
  }
  const resourceManager = resourceManagerEndpoint();
  const credential = await openCredential();
  const caller = await identifyCaller(credential, managementScope(resourceManager.endpoint), signal);
  const manager = await openResourceManager({ credential, subscriptionId, ...resourceManager });
  return { credential, manager, caller };
}
