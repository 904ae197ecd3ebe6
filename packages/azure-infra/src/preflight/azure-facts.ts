import type { ArmResource } from '../arm/arm-resource.ts';
import type { ActionGrant, Quota, ResourceManager, VmSku } from '../arm/resource-manager.ts';
import { resourceGroupId } from '../graph/resource-id.ts';
import { GROUP_API_VERSION } from '../template/render.ts';

/** What the checks ask Azure. */
export type AskedAzure = Pick<ResourceManager, 'subscriptionId' | 'subscription' | 'resources'>;

/** Azure has not answered a question of a check; the cause says why. */
export class UnansweredError extends Error {
  override readonly name = 'UnansweredError';
  readonly code = 'INFRA_CHECK_UNANSWERED';
}

/** Answers of Azure, each asked for once however many checks need it. Every method rejects with an {@link UnansweredError}. */
export interface AzureFacts {
  locations(): Promise<readonly string[]>;
  vmSkus(location: string): Promise<readonly VmSku[]>;
  quotas(location: string): Promise<readonly Quota[]>;
  storageNameTaken(name: string): Promise<string | undefined>;
  grantedActions(principalId: string): Promise<readonly ActionGrant[]>;
  group(name: string): Promise<ArmResource | undefined>;
}

/** Asks Azure as the checks need it. */
export function azureFacts({ subscriptionId, subscription, resources }: AskedAzure, signal: AbortSignal): AzureFacts {
  const locations = once(() => subscription.locations(signal));
  return {
    locations: () => locations(''),
    vmSkus: once((location) => subscription.vmSkus(location, signal)),
    quotas: once((location) => subscription.quotas(location, signal)),
    storageNameTaken: once((name) => subscription.storageNameTaken(name, signal)),
    grantedActions: once((principalId) => subscription.grantedActions(principalId, signal)),
    group: once((name) => resources.get(resourceGroupId(subscriptionId, name), GROUP_API_VERSION, signal)),
  };
}

function once<T>(ask: (about: string) => Promise<T>): (about: string) => Promise<T> {
  const answers = new Map<string, Promise<T>>();
  return (about) => {
    const answer = answers.get(about) ?? answered(ask(about));
    answers.set(about, answer);
    return answer;
  };
}

async function answered<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    throw new UnansweredError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
