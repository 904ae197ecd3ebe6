import { describe, expect, it } from 'vitest';
import { checkBeforeDeployment, preflightInput, type ResourceGraph } from '../../src/index.ts';
import { DEFAULT_PRINCIPAL, type FakePrincipal } from '../../src/testing/testing.ts';
import { FACTS } from '../graph/environment-under-test.ts';
import { openAzure, type Azure } from './azure.ts';

const SOMEBODY = 'dddddddd-0000-4000-8000-000000000004';
const WITHOUT_D4 = [
  { name: 'canadacentral', displayName: 'Canada Central', withoutSkus: ['Standard_D4s_v5'] },
  { name: 'westus3', displayName: 'West US 3' },
];

/** One line for each finding. */
async function findings(
  azure: Azure,
  graph: ResourceGraph = azure.environment(),
  callerId = DEFAULT_PRINCIPAL.objectId,
): Promise<string[]> {
  const input = preflightInput(graph, { callerId, sshPublicKey: () => Promise.resolve(FACTS.sshPublicKey) });
  const before = azure.writes();
  const found = await checkBeforeDeployment(input, azure.manager, azure.signal);
  expect(azure.writes()).toEqual(before);
  return found.map(({ rule, severity, message }) => `${severity} ${rule}: ${message}`);
}

/** What is found when somebody with these roles deploys. */
async function findingsAs(...roles: NonNullable<FakePrincipal['roles']>): Promise<string[]> {
  const azure = await openAzure({ principals: [DEFAULT_PRINCIPAL, { objectId: SOMEBODY, type: 'User', roles }] }, SOMEBODY);
  return findings(azure, azure.environment(), SOMEBODY);
}

describe('the checks before a deployment, through the clients of Azure', () => {
  it('find nothing where an owner deploys to an empty subscription, and nothing where all is there', async () => {
    const azure = await openAzure();
    expect(await findings(azure)).toEqual([]);
    await azure.deploy(azure.environment());
    expect(await findings(azure)).toEqual([]);
  });

  it('find a region that the subscription has not', async () => {
    const azure = await openAzure();
    expect(await findings(azure, azure.environment({ LOCATION_B: 'atlantis' }))).toEqual([
      'error INFRA_CHECK_REGION: this subscription has no region "atlantis"',
    ]);
  });

  it('find a size that does not exist, one that is restricted, and one that cannot be Spot', async () => {
    const azure = await openAzure({ regions: WITHOUT_D4 });
    expect(await findings(azure)).toEqual([
      'error INFRA_CHECK_VM_SIZE: this subscription cannot have Standard_D4s_v5 in canadacentral: NotAvailableForSubscription',
    ]);
    expect(await findings(azure, azure.environment({ VM_SIZE: 'Standard_D3s_v9' }))).toEqual([
      'error INFRA_CHECK_VM_SIZE: canadacentral does not offer the size Standard_D3s_v9',
    ]);
    expect(await findings(azure, azure.environment({ VM_SIZE: 'Standard_B2s', VM_SPOT: 'true' }))).toEqual([
      'error INFRA_CHECK_VM_SIZE: Standard_B2s cannot be a Spot VM in canadacentral',
    ]);
  });

  it('tell what Azure says where it does not answer, also of a list', async () => {
    const azure = await openAzure();
    azure.fake.faults.inject({ match: { path: /\/skus$/i }, status: 403, code: 'AuthorizationFailed', message: 'You may not see sizes.' });
    const reason = 'listing the VM sizes of canadacentral failed (HTTP 403): AuthorizationFailed: You may not see sizes.';
    expect(await findings(azure)).toEqual([
      `warning INFRA_CHECK_VM_SIZE: could not check whether the regions offer the VM sizes: ${reason}`,
      `warning INFRA_CHECK_QUOTA: could not check whether the quota of cores is enough: ${reason}`,
    ]);
    // A size that is there is its own proof.
    azure.fake.faults.clear();
    await azure.deploy(azure.environment());
    azure.fake.faults.inject({ match: { path: /\/skus$/i }, status: 403, code: 'AuthorizationFailed' });
    expect((await findings(azure)).map((line) => line.split(':', 1)[0])).toEqual(['warning INFRA_CHECK_QUOTA']);
  });

  describe('of a quota', () => {
    it('find that of the family, that of all cores, and that of Spot', async () => {
      const family = await openAzure({ quota: { standardDSv5Family: 2 } });
      expect(await findings(family)).toEqual([
        'error INFRA_CHECK_QUOTA: the quota "standardDSv5Family" in canadacentral has 2 of 2 cores left, and 4 more are needed',
      ]);
      const all = await openAzure({ quota: { cores: 3 } });
      expect(await findings(all)).toEqual([
        'error INFRA_CHECK_QUOTA: the quota "cores" in canadacentral has 3 of 3 cores left, and 4 more are needed',
      ]);
      const spot = await openAzure({ quota: { lowPriorityCores: 0, standardDSv5Family: 0 } });
      expect(await findings(spot, spot.environment({ VM_SPOT: 'true' }))).toEqual([
        'error INFRA_CHECK_QUOTA: the quota "lowPriorityCores" in canadacentral has 0 of 0 cores left, and 4 more are needed',
      ]);
    });

    it('do not count a VM twice that is there already', async () => {
      const azure = await openAzure({ quota: { standardDSv5Family: 8 } });
      await azure.deploy(azure.environment());
      expect(await findings(azure)).toEqual([]);
      // From 4 to 8 cores, of which 4 are in use.
      expect(await findings(azure, azure.environment({ VM_SIZE: 'Standard_D8s_v5' }))).toEqual([]);
      expect(await findings(azure, azure.environment({ VM_SIZE: 'Standard_D16s_v5' }))).toEqual([
        'error INFRA_CHECK_QUOTA: the quota "standardDSv5Family" in canadacentral has 4 of 8 cores left, and 12 more are needed',
      ]);
    });

    it('count what others use', async () => {
      const azure = await openAzure({ quota: { standardDSv5Family: 8 } });
      await azure.deploy(azure.environment({ WARPFORGE_ENVIRONMENT: 'other', RESOURCE_GROUP: 'other-rg', VM_SIZE: 'Standard_D8s_v5' }));
      expect(await findings(azure)).toEqual([
        'error INFRA_CHECK_QUOTA: the quota "standardDSv5Family" in canadacentral has 0 of 8 cores left, and 4 more are needed',
      ]);
    });
  });

  it('find names that others have, and not those that are the environment’s own', async () => {
    const azure = await openAzure({ takenAccountNames: ['mine'] });
    const [line, ...more] = await findings(azure, azure.environment({ STORAGE_ACCOUNT_B: 'mine' }));
    expect(more).toEqual([]);
    expect(line).toMatch(/^error INFRA_CHECK_STORAGE_NAME: the storage account name mine cannot be had: .*already taken/);
    await azure.deploy(azure.environment({ STORAGE_ACCOUNT_B: 'ours' }));
    expect(await findings(azure, azure.environment({ STORAGE_ACCOUNT_B: 'ours' }))).toEqual([]);
  });

  it('know who may deploy and assign roles', async () => {
    const mayNotAssign =
      'error INFRA_CHECK_RIGHTS: you may not assign roles in the subscription (Microsoft.Authorization/roleAssignments/write)';
    const mayNotDeploy = 'error INFRA_CHECK_RIGHTS: you may not deploy to the subscription (Microsoft.Resources/deployments/write)';
    expect(await findingsAs('Owner')).toEqual([]);
    expect(await findingsAs('Contributor', 'User Access Administrator')).toEqual([]);
    expect(await findingsAs('Contributor')).toEqual([mayNotAssign]);
    expect(await findingsAs('User Access Administrator')).toEqual([mayNotDeploy]);
    expect(await findingsAs('Reader')).toEqual([mayNotDeploy, mayNotAssign]);
  });

  it('warn of what the caller may not read', async () => {
    const found = await findingsAs();
    // The regions are known to everybody.
    expect(found.map((line) => line.split(':', 1)[0])).toEqual([
      'warning INFRA_CHECK_RIGHTS',
      'warning INFRA_CHECK_RESOURCE_GROUP',
      'warning INFRA_CHECK_VM_SIZE',
      'warning INFRA_CHECK_QUOTA',
      'warning INFRA_CHECK_STORAGE_NAME',
    ]);
    for (const line of found) expect(line).toMatch(/could not check whether .*AuthorizationFailed: .*does not have authorization.*[^\n]$/);
  });

  it('tell all at once', async () => {
    const azure = await openAzure({
      regions: WITHOUT_D4,
      quota: { standardDSv5Family: 0 },
      takenAccountNames: ['mine'],
      principals: [{ ...DEFAULT_PRINCIPAL, roles: ['Contributor'] }],
    });
    const graph = azure.environment({ LOCATION_B: 'atlantis', STORAGE_ACCOUNT_A: 'mine' }, { sshSources: ['0.0.0.0/0'] });
    expect((await findings(azure, graph)).map((line) => line.split(':', 1)[0])).toEqual([
      'error INFRA_CHECK_RIGHTS',
      'error INFRA_CHECK_REGION',
      'error INFRA_CHECK_VM_SIZE',
      'error INFRA_CHECK_QUOTA',
      'error INFRA_CHECK_STORAGE_NAME',
      'error INFRA_CHECK_SSH_SOURCES',
    ]);
  });
});
