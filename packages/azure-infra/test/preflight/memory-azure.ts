import { ArmError } from '../../src/arm/arm-error.ts';
import type { ArmResource } from '../../src/arm/arm-resource.ts';
import type { ActionGrant, Quota, Resources, Subscription, VmSku } from '../../src/arm/resource-manager.ts';
import type { AskedAzure } from '../../src/preflight/azure-facts.ts';

export const SUBSCRIPTION_ID = 'b1a6bd65-2f0c-4b3a-9c43-4dfb1b3a2c11';

/** What a subscription is and has, as a test changes it. */
export interface SubscriptionState {
  locations: string[];
  skus: Record<string, VmSku[]>;
  quotas: Record<string, Quota[]>;
  takenNames: Record<string, string>;
  grants: ActionGrant[];
  /** Resources and groups that exist. */
  resources: ArmResource[];
  /** Methods that the caller has no right to. */
  forbidden: (keyof Subscription | 'get')[];
}

export function sku(name: string, family: string, cores: number, change: Partial<VmSku> = {}): VmSku {
  return { name, family, cores, spotCapable: true, restriction: undefined, ...change };
}

/** A subscription in which everything may be made. */
export function emptySubscription(): SubscriptionState {
  return {
    locations: ['canadacentral', 'westus3', 'eastus'],
    skus: {
      canadacentral: [
        sku('Standard_D4s_v5', 'standardDSv5Family', 4),
        sku('Standard_D8s_v5', 'standardDSv5Family', 8),
        sku('Standard_L8s_v3', 'standardLSv3Family', 8),
      ],
    },
    quotas: {
      canadacentral: [
        { name: 'cores', used: 0, limit: 10 },
        { name: 'lowPriorityCores', used: 0, limit: 10 },
        { name: 'standardDSv5Family', used: 0, limit: 10 },
        { name: 'standardLSv3Family', used: 0, limit: 10 },
      ],
    },
    takenNames: {},
    grants: [{ actions: ['*'], notActions: [] }],
    resources: [],
    forbidden: [],
  };
}

export function group(name: string, location: string, tags: Record<string, string> = {}): ArmResource {
  return {
    id: `/subscriptions/${SUBSCRIPTION_ID}/resourceGroups/${name}`,
    type: 'Microsoft.Resources/resourceGroups',
    name,
    location,
    tags,
  };
}

/** The subscription as Resource Manager tells it; counts what it is asked. */
export class MemoryAzure implements AskedAzure {
  readonly subscriptionId = SUBSCRIPTION_ID;
  readonly subscription: Subscription;
  readonly resources: Resources;
  readonly asked = new Map<string, number>();

  constructor(state: SubscriptionState) {
    const answer = async <T>(method: SubscriptionState['forbidden'][number], signal: AbortSignal, value: T): Promise<T> => {
      await Promise.resolve();
      signal.throwIfAborted();
      this.asked.set(method, (this.asked.get(method) ?? 0) + 1);
      if (state.forbidden.includes(method)) {
        throw new ArmError(`403 AuthorizationFailed: no right to ${method}`, { status: 403 });
      }
      return value;
    };
    this.subscription = {
      locations: (signal) => answer('locations', signal, state.locations),
      vmSkus: (location, signal) => answer('vmSkus', signal, state.skus[location] ?? []),
      quotas: (location, signal) => answer('quotas', signal, state.quotas[location] ?? []),
      storageNameTaken: (name, signal) => answer('storageNameTaken', signal, state.takenNames[name]),
      grantedActions: (_principalId, signal) => answer('grantedActions', signal, state.grants),
    };
    const notAsked = (): Promise<never> => Promise.reject(new Error('no check asks for this'));
    this.resources = {
      get: (id, _apiVersion, signal) =>
        answer(
          'get',
          signal,
          state.resources.find((candidate) => candidate.id.toLowerCase() === id.toLowerCase()),
        ),
      tagged: notAsked,
      inGroup: notAsked,
      delete: notAsked,
      roleAssignmentsWithin: notAsked,
      powerState: notAsked,
    };
  }
}
