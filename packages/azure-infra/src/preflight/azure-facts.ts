import type { ArmResource } from '../arm/arm-resource.ts';
import type { ActionGrant, Quota, ResourceManager, VmSku } from '../arm/resource-manager.ts';
import { resourceGroupId } from '../graph/resource-id.ts';
import { GROUP_API_VERSION } from '../template/render.ts';
import { scaleSetFacts, vmFacts, type VmAllocation } from '../vm-facts.ts';
import type { PreflightInput } from './preflight-input.ts';

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
  /** A resource as it is; undefined when there is none. */
  resource(id: string, apiVersion: string): Promise<ArmResource | undefined>;
}

/** Asks Azure as the checks need it. */
export function azureFacts({ subscriptionId, subscription, resources }: AskedAzure, signal: AbortSignal): AzureFacts {
  return {
    locations: once(() => subscription.locations(signal)),
    vmSkus: once((location: string) => subscription.vmSkus(location, signal)),
    quotas: once((location: string) => subscription.quotas(location, signal)),
    storageNameTaken: once((name: string) => subscription.storageNameTaken(name, signal)),
    grantedActions: once((principalId: string) => subscription.grantedActions(principalId, signal)),
    group: once((name: string) => resources.get(resourceGroupId(subscriptionId, name), GROUP_API_VERSION, signal)),
    resource: once((id: string, apiVersion: string) => resources.get(id, apiVersion, signal)),
  };
}

function once<About extends readonly string[], T>(ask: (...about: About) => Promise<T>): (...about: About) => Promise<T> {
  const answers = new Map<string, Promise<T>>();
  return (...about) => {
    const key = JSON.stringify(about);
    const answer = answers.get(key) ?? answered(ask(...about));
    answers.set(key, answer);
    return answer;
  };
}

async function answered<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (cause) {
    // What is advised below it is about the command, which goes on without the answer.
    const [reason = ''] = (cause instanceof Error ? cause.message : String(cause)).split('\n');
    throw new UnansweredError(reason, { cause });
  }
}

/** What the VM, or an instance of the scale set, is now; undefined when there is none. */
export async function existingVm({ id, apiVersion }: PreflightInput['vms'][number], azure: AzureFacts): Promise<VmAllocation | undefined> {
  const found = await azure.resource(id, apiVersion);
  return found === undefined ? undefined : (vmFacts(found) ?? scaleSetFacts(found));
}
