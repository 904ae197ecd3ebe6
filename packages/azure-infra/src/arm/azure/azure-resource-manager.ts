import type { ResourceManager } from '../resource-manager.ts';
import { AzureDeployments } from './azure-deployments.ts';
import { AzureResources } from './azure-resources.ts';
import { AzureSubscription } from './azure-subscription.ts';
import { clientSettings, type AzureClientOptions } from './client-options.ts';

/** Opens Azure Resource Manager for one subscription. The clients, which take a while to load, are loaded here. */
export async function openResourceManager(options: AzureClientOptions): Promise<ResourceManager> {
  const settings = clientSettings(options);
  const [
    { DeploymentsClient },
    { ResourceManagementClient },
    { ComputeManagementClient },
    { StorageManagementClient },
    { AuthorizationManagementClient },
  ] = await Promise.all([
    import('@azure/arm-resourcesdeployments'),
    import('@azure/arm-resources'),
    import('@azure/arm-compute'),
    import('@azure/arm-storage'),
    import('@azure/arm-authorization'),
  ]);
  const { credential, subscriptionId, modular, classic } = settings;
  const clients = {
    resources: new ResourceManagementClient(credential, subscriptionId, modular),
    compute: new ComputeManagementClient(credential, subscriptionId, modular),
    storage: new StorageManagementClient(credential, subscriptionId, modular),
    authorization: new AuthorizationManagementClient(credential, subscriptionId, classic),
  };
  return {
    subscriptionId,
    deployments: new AzureDeployments(new DeploymentsClient(credential, subscriptionId, modular), settings),
    resources: new AzureResources(clients, settings),
    subscription: new AzureSubscription(clients),
  };
}
