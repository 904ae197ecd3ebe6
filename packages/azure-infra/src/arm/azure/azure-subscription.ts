import type { AuthorizationManagementClient } from '@azure/arm-authorization';
import type { ComputeManagementClient, ResourceSku } from '@azure/arm-compute';
import type { ResourceManagementClient } from '@azure/arm-resources';
import type { StorageManagementClient } from '@azure/arm-storage';
import type { ActionGrant, Quota, Subscription, VmSku } from '../resource-manager.ts';
import { asking } from './failures.ts';

/** The clients that a subscription's offers are asked of. */
export interface SubscriptionClients {
  readonly resources: ResourceManagementClient;
  readonly authorization: AuthorizationManagementClient;
  readonly compute: ComputeManagementClient;
  readonly storage: StorageManagementClient;
}

/** What a subscription offers, by Azure's management clients. */
export class AzureSubscription implements Subscription {
  readonly #clients: SubscriptionClients;

  constructor(clients: SubscriptionClients) {
    this.#clients = clients;
  }

  /** Regions with storage accounts, which are all. */
  async locations(signal: AbortSignal): Promise<readonly string[]> {
    const provider = await asking('listing the regions', signal, () =>
      this.#clients.resources.providers.get('Microsoft.Storage', { abortSignal: signal }),
    );
    const accounts = provider.resourceTypes?.find(({ resourceType }) => resourceType === 'storageAccounts');
    // The provider tells the names for people: `Canada Central`.
    return (accounts?.locations ?? []).map((name) => name.toLowerCase().replaceAll(' ', ''));
  }

  async vmSkus(location: string, signal: AbortSignal): Promise<readonly VmSku[]> {
    return asking(`listing the VM sizes of ${location}`, signal, async () => {
      const skus: VmSku[] = [];
      const pages = this.#clients.compute.resourceSkus.list({ filter: `location eq '${location}'`, abortSignal: signal });
      for await (const sku of pages) if (sku.resourceType === 'virtualMachines') skus.push(readSku(sku));
      return skus;
    });
  }

  async quotas(location: string, signal: AbortSignal): Promise<readonly Quota[]> {
    return asking(`reading the quotas of ${location}`, signal, async () => {
      const quotas: Quota[] = [];
      for await (const { name, currentValue, limit } of this.#clients.compute.usage.list(location, { abortSignal: signal })) {
        quotas.push({ name: name.value ?? '', used: currentValue, limit });
      }
      return quotas;
    });
  }

  async storageNameTaken(name: string, signal: AbortSignal): Promise<string | undefined> {
    const answer = await asking(`asking whether the name ${name} is free`, signal, () =>
      this.#clients.storage.storageAccounts.checkNameAvailability(
        { name, type: 'Microsoft.Storage/storageAccounts' },
        { abortSignal: signal },
      ),
    );
    return answer.nameAvailable === false ? (answer.message ?? answer.reason ?? 'it is taken') : undefined;
  }

  async grantedActions(principalId: string, signal: AbortSignal): Promise<readonly ActionGrant[]> {
    return asking('reading your rights', signal, async () => {
      const definitions = new Set<string>();
      // Takes in groups that the principal belongs to, and what is inherited from above.
      const filter = `assignedTo('${principalId}')`;
      for await (const { roleDefinitionId } of this.#clients.authorization.roleAssignments.listForSubscription({
        filter,
        abortSignal: signal,
      })) {
        if (roleDefinitionId !== undefined) definitions.add(roleDefinitionId);
      }
      const grants: ActionGrant[] = [];
      for (const id of definitions) {
        const { permissions } = await this.#clients.authorization.roleDefinitions.getById(id, { abortSignal: signal });
        for (const { actions, notActions } of permissions ?? []) grants.push({ actions: actions ?? [], notActions: notActions ?? [] });
      }
      return grants;
    });
  }
}

function readSku({ name = '', family = '', capabilities, restrictions }: ResourceSku): VmSku {
  const capability = (wanted: string): string | undefined => capabilities?.find((one) => one.name === wanted)?.value;
  const restriction = restrictions?.find(({ type }) => type === 'Location');
  return {
    name,
    family,
    cores: Number(capability('vCPUs') ?? 0),
    spotCapable: capability('LowPriorityCapable') === 'True',
    restriction: restriction === undefined ? undefined : (restriction.reasonCode ?? 'restricted'),
  };
}
