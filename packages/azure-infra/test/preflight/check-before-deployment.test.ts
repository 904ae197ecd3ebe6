import { describe, expect, it } from 'vitest';
import type { ArmResource } from '../../src/arm/arm-resource.ts';
import { trainingEnvironment } from '../../src/environment/training-environment.ts';
import { resourceId } from '../../src/graph/resource-id.ts';
import { checkBeforeDeployment } from '../../src/preflight/check-before-deployment.ts';
import { preflightInput, type PreflightInput } from '../../src/preflight/preflight-input.ts';
import { readSshPublicKey } from '../../src/preflight/read-ssh-public-key.ts';
import { emptySubscription, group, MemoryAzure, sku, SUBSCRIPTION_ID, type SubscriptionState } from './memory-azure.ts';
import { settings } from './planned.ts';

const never = new AbortController().signal;

/** A run of the checks before an environment is deployed, with what a test changes in the plan, in Azure and in what exists. */
interface Case {
  readonly planned?: Parameters<typeof settings>[0];
  readonly azure?: (state: SubscriptionState) => void;
  readonly existing?: readonly ArmResource[];
  readonly input?: Partial<PreflightInput>;
}

function prepare({ planned, azure, existing = [], input }: Case): { readonly input: PreflightInput; readonly azure: MemoryAzure } {
  const graph = trainingEnvironment(settings(planned), {
    subscriptionId: SUBSCRIPTION_ID,
    caller: { objectId: '11059fcc-5514-4800-b5f8-49808b9cfab6', type: 'User' },
    sshPublicKey: 'ssh-ed25519 AAAA',
    sshSources: ['203.0.113.7/32'],
    customData: '',
    ownsGroup: true,
  });
  const state = emptySubscription();
  azure?.(state);
  state.resources.push(...existing);
  const facts = { callerId: '11059fcc-5514-4800-b5f8-49808b9cfab6', sshPublicKey: () => Promise.resolve('ssh-ed25519 AAAA') };
  return { input: { ...preflightInput(graph, facts), ...input }, azure: new MemoryAzure(state) };
}

async function check(change: Case = {}) {
  const { input, azure } = prepare(change);
  return checkBeforeDeployment(input, azure, never);
}

/** One line for each finding. */
async function told(change: Case) {
  return (await check(change)).map(({ rule, severity, message }) => `${severity} ${rule}: ${message}`);
}

function exists(type: string, name: string, properties: ArmResource['properties'] = {}): ArmResource {
  return { id: resourceId(SUBSCRIPTION_ID, 'DEMO-RG', type, name), type, name, location: 'canadacentral', properties };
}

function vm(size: string, priority = 'Regular'): ArmResource {
  return exists('Microsoft.Compute/virtualMachines', 'warpforge-vm', { hardwareProfile: { vmSize: size }, priority });
}

describe('checkBeforeDeployment', () => {
  it('finds nothing where nothing is wrong, and asks each thing once', async () => {
    const { input, azure } = prepare({});
    expect(await checkBeforeDeployment(input, azure, never)).toEqual([]);
    expect(Object.fromEntries(azure.asked)).toEqual({
      locations: 1,
      vmSkus: 1,
      quotas: 1,
      storageNameTaken: 2,
      grantedActions: 1,
      get: 4,
    });
  });

  it('tells everything at once, each with what to do', async () => {
    const findings = await check({
      planned: { size: 'Standard_L8s_v3', spot: true },
      azure: (state) => {
        state.grants = [{ actions: ['*/read'], notActions: [] }];
        state.resources = [group('demo-rg', 'canadacentral')];
        state.locations = ['canadacentral'];
        state.skus['canadacentral'] = [sku('Standard_L8s_v3', 'standardLSv3Family', 8, { spotCapable: false })];
        state.quotas['canadacentral'] = [{ name: 'lowPriorityCores', used: 1, limit: 3 }];
        state.takenNames = { demoa: 'The storage account named demoa is already taken.' };
      },
      input: {
        sshPublicKey: () =>
          readSshPublicKey({
            file: undefined,
            home: '/nowhere',
            readFile: () => Promise.reject(Object.assign(new Error(), { code: 'ENOENT' })),
          }),
        sshSources: ['0.0.0.0/0'],
      },
    });
    expect(findings.map(({ rule, severity }) => `${severity} ${rule}`)).toEqual([
      'error INFRA_CHECK_RIGHTS',
      'warning INFRA_CHECK_RIGHTS',
      'error INFRA_CHECK_RESOURCE_GROUP',
      'error INFRA_CHECK_REGION',
      'error INFRA_CHECK_VM_SIZE',
      'error INFRA_CHECK_QUOTA',
      'error INFRA_CHECK_STORAGE_NAME',
      'error INFRA_CHECK_SSH_KEY',
      'error INFRA_CHECK_SSH_SOURCES',
    ]);
    for (const { message, suggestion } of findings) {
      expect(message).not.toContain('\n');
      expect(suggestion).not.toBe('');
    }
  });

  it('warns of what it may not read, and does not fail', async () => {
    const findings = await told({
      azure: (state) => {
        state.forbidden = ['locations', 'vmSkus', 'quotas', 'storageNameTaken', 'grantedActions', 'get'];
      },
    });
    expect(findings).toEqual([
      'warning INFRA_CHECK_RIGHTS: could not check whether you may deploy and assign roles: 403 AuthorizationFailed: no right to grantedActions',
      'warning INFRA_CHECK_RESOURCE_GROUP: could not check whether the resource group is free: 403 AuthorizationFailed: no right to get',
      'warning INFRA_CHECK_REGION: could not check whether the regions exist: 403 AuthorizationFailed: no right to locations',
      'warning INFRA_CHECK_VM_SIZE: could not check whether the regions offer the VM sizes: 403 AuthorizationFailed: no right to locations',
      'warning INFRA_CHECK_QUOTA: could not check whether the quota of cores is enough: 403 AuthorizationFailed: no right to locations',
      'warning INFRA_CHECK_STORAGE_NAME: could not check whether the names of the storage accounts are free: 403 AuthorizationFailed: no right to get',
    ]);
  });

  it('ends when it is aborted, and takes no fault of its own for an answer', async () => {
    const { input, azure } = prepare({});
    await expect(checkBeforeDeployment(input, azure, AbortSignal.abort(new Error('enough')))).rejects.toThrow('enough');
    const broken = { ...input, sshPublicKey: () => Promise.reject(new TypeError('a bug')) };
    await expect(checkBeforeDeployment(broken, azure, never)).rejects.toThrow('a bug');
  });
});

describe('the rights', () => {
  it('of a Contributor are not enough', async () => {
    const azure = (state: SubscriptionState) => {
      state.grants = [{ actions: ['*'], notActions: ['Microsoft.Authorization/*/Write'] }];
    };
    expect(await told({ azure })).toEqual([
      'error INFRA_CHECK_RIGHTS: you may not assign roles in the subscription (Microsoft.Authorization/roleAssignments/write)',
    ]);
  });
});

describe('the resource group', () => {
  const groupCase = (found: ArmResource, input: Partial<PreflightInput> = {}) =>
    told({ azure: (state) => void state.resources.push(found), input });
  const unmanaged = { group: { name: 'demo-rg', location: 'canadacentral', managed: false } };

  it('may be our own', async () => {
    expect(await groupCase(group('demo-rg', 'canadacentral', { 'warpforge-env': 'demo' }))).toEqual([]);
    expect(await groupCase(group('demo-rg', 'Canada Central', { 'warpforge-env': 'demo' }))).toEqual([]);
  });

  it('may not be of another environment, even where it is used as it is', async () => {
    const found = group('demo-rg', 'canadacentral', { 'warpforge-env': 'other' });
    const finding =
      'error INFRA_CHECK_RESOURCE_GROUP: the resource group demo-rg belongs to the environment "other", whose teardown would delete what is made now';
    expect(await groupCase(found)).toEqual([finding]);
    expect(await groupCase(found, unmanaged)).toEqual([finding]);
  });

  it('may not be of somebody else, unless it is used as it is', async () => {
    const found = group('demo-rg', 'eastus', { team: 'vision' });
    expect(await groupCase(found)).toEqual([
      'error INFRA_CHECK_RESOURCE_GROUP: the resource group demo-rg exists and was not made by this program',
    ]);
    expect(await groupCase(found, unmanaged)).toEqual([]);
    expect(await told({ input: unmanaged })).toEqual(['error INFRA_CHECK_RESOURCE_GROUP: there is no resource group demo-rg']);
  });

  it('cannot move', async () => {
    expect(await groupCase(group('demo-rg', 'eastus', { 'warpforge-env': 'demo' }))).toEqual([
      'error INFRA_CHECK_RESOURCE_GROUP: the resource group demo-rg is in eastus and cannot move to canadacentral',
    ]);
  });
});

describe('the VM size', () => {
  it('must be offered', async () => {
    expect(await told({ planned: { size: 'Standard_Z1' } })).toEqual([
      'error INFRA_CHECK_VM_SIZE: canadacentral does not offer the size Standard_Z1',
    ]);
    // A region that does not exist is one finding, not three.
    expect(await told({ planned: { location: 'marsnorth' } })).toEqual([
      'error INFRA_CHECK_REGION: this subscription has no region "marsnorth"',
    ]);
  });

  it('must not be restricted, and must be capable of Spot where that is wanted', async () => {
    const restricted = sku('Standard_D4s_v5', 'standardDSv5Family', 4, { restriction: 'NotAvailableForSubscription', spotCapable: false });
    const azure = (state: SubscriptionState) => {
      state.skus['canadacentral'] = [restricted];
    };
    expect(await told({ azure })).toEqual([
      'error INFRA_CHECK_VM_SIZE: this subscription cannot have Standard_D4s_v5 in canadacentral: NotAvailableForSubscription',
    ]);
    const noSpot = (state: SubscriptionState) => {
      state.skus['canadacentral'] = [{ ...restricted, restriction: undefined }];
    };
    expect(await told({ azure: noSpot })).toEqual([]);
    expect(await told({ azure: noSpot, planned: { spot: true } })).toEqual([
      'error INFRA_CHECK_VM_SIZE: Standard_D4s_v5 cannot be a Spot VM in canadacentral',
    ]);
  });

  it('is no question for a VM that has it already', async () => {
    const azure = (state: SubscriptionState) => {
      state.skus['canadacentral'] = [sku('Standard_D4s_v5', 'standardDSv5Family', 4, { restriction: 'NotAvailableForSubscription' })];
    };
    expect(await told({ azure, existing: [vm('Standard_D4s_v5')] })).toEqual([]);
  });
});

describe('the quota', () => {
  const quotas =
    (free: Record<string, number>) =>
    (state: SubscriptionState): void => {
      state.quotas['canadacentral'] = Object.entries(free).map(([name, cores]) => ({ name, used: 90 - cores, limit: 90 }));
    };
  const left = (name: string, free: number, needed: number) =>
    `error INFRA_CHECK_QUOTA: the quota "${name}" in canadacentral has ${free} of 90 cores left, and ${needed} more are needed`;

  it('counts for the family and for the region', async () => {
    expect(await told({ azure: quotas({ cores: 4, standardDSv5Family: 4 }) })).toEqual([]);
    expect(await told({ azure: quotas({ cores: 3, standardDSv5Family: 2 }) })).toEqual([
      left('standardDSv5Family', 2, 4),
      left('cores', 3, 4),
    ]);
    expect(await told({ azure: quotas({ cores: -2, standardDSv5Family: 4 }) })).toEqual([left('cores', 0, 4)]);
  });

  it('is one of its own for Spot', async () => {
    expect(await told({ planned: { spot: true }, azure: quotas({ cores: 0, standardDSv5Family: 0, lowPriorityCores: 4 }) })).toEqual([]);
    expect(await told({ planned: { spot: true }, azure: quotas({ lowPriorityCores: 3 }) })).toEqual([left('lowPriorityCores', 3, 4)]);
  });

  it('has what an existing VM uses already', async () => {
    const none = quotas({ cores: 0, standardDSv5Family: 0 });
    expect(await told({ existing: [vm('Standard_D4s_v5')], azure: none })).toEqual([]);
    // Larger: the difference. Smaller: nothing.
    const larger = { planned: { size: 'Standard_D8s_v5' }, existing: [vm('Standard_D4s_v5')] };
    expect(await told({ ...larger, azure: none })).toEqual([left('standardDSv5Family', 0, 4), left('cores', 0, 4)]);
    expect(await told({ ...larger, azure: quotas({ cores: 4, standardDSv5Family: 4 }) })).toEqual([]);
    expect(await told({ existing: [vm('Standard_D8s_v5')], azure: none })).toEqual([]);
    // Another family needs all of its own, and the difference of the region's.
    expect(
      await told({
        planned: { size: 'Standard_L8s_v3' },
        existing: [vm('Standard_D4s_v5')],
        azure: quotas({ cores: 4, standardDSv5Family: 0, standardLSv3Family: 7 }),
      }),
    ).toEqual([left('standardLSv3Family', 7, 8)]);
    // A regular VM in place of Spot takes nothing from the quota that the old one was in.
    expect(await told({ existing: [vm('Standard_D4s_v5', 'Spot')], azure: none })).toEqual([
      left('standardDSv5Family', 0, 4),
      left('cores', 0, 4),
    ]);
  });

  it('that is not told is a warning', async () => {
    expect(await told({ azure: quotas({ cores: 90 }) })).toEqual([
      'warning INFRA_CHECK_QUOTA: canadacentral tells no quota "standardDSv5Family", of which 4 more cores are needed',
    ]);
  });
});

describe('the names of storage accounts', () => {
  const azure = (state: SubscriptionState) => {
    state.takenNames = { demoa: 'The storage account named demoa is already taken.', demob: 'taken' };
  };

  it('must be free unless the account is our own', async () => {
    const existing = [exists('Microsoft.Storage/storageAccounts', 'demob')];
    expect(await told({ azure, existing })).toEqual([
      'error INFRA_CHECK_STORAGE_NAME: the storage account name demoa cannot be had: The storage account named demoa is already taken.',
    ]);
  });
});

describe('the SSH sources', () => {
  const sources = (...sshSources: string[]) => told({ input: { sshSources } });

  it('are those of the graph', () => {
    expect(prepare({}).input.sshSources).toEqual(['203.0.113.7/32']);
    expect(prepare({}).input.vms).toHaveLength(1);
  });

  it('do not matter where there is no VM', async () => {
    expect(await told({ input: { sshSources: undefined, vms: [] } })).toEqual([]);
  });

  it('must be networks, not the whole Internet', async () => {
    expect(await sources('203.0.113.0/24', '10.0.0.0/8', '2001:db8::/32')).toEqual([]);
    expect(await sources()).toEqual(['error INFRA_CHECK_SSH_SOURCES: nobody could reach the VM: there is no network for port 22']);
    expect(await sources('0.0.0.0/0', '::/0', 'Internet', '*', '203.0.113.7')).toEqual([
      'error INFRA_CHECK_SSH_SOURCES: port 22 would be open to every address (0.0.0.0/0)',
      'error INFRA_CHECK_SSH_SOURCES: port 22 would be open to every address (::/0)',
      'error INFRA_CHECK_SSH_SOURCES: "Internet" is not a network for port 22',
      'error INFRA_CHECK_SSH_SOURCES: "*" is not a network for port 22',
      'error INFRA_CHECK_SSH_SOURCES: "203.0.113.7" is not a network for port 22',
    ]);
  });

  it("are refused when they are larger than any organisation's", async () => {
    expect(await sources('0.0.0.0/1', '10.0.0.0/7', '2000::/31')).toEqual([
      'error INFRA_CHECK_SSH_SOURCES: port 22 would be open to a network larger than any organisation has (0.0.0.0/1)',
      'error INFRA_CHECK_SSH_SOURCES: port 22 would be open to a network larger than any organisation has (10.0.0.0/7)',
      'error INFRA_CHECK_SSH_SOURCES: port 22 would be open to a network larger than any organisation has (2000::/31)',
    ]);
  });
});
