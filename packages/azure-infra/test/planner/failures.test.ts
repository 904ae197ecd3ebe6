import { describe, expect, it } from 'vitest';
import {
  applyPlan,
  ArmError,
  cancelDeployment,
  describeFault,
  followRunning,
  InfraError,
  planChanges,
  type DeploymentOperation,
  type Plan,
} from '../../src/index.ts';
import { DEFAULT_PRINCIPAL } from '../../src/testing/testing.ts';
import { doings, IMPATIENT, openAzure, textAt, UNTIL_ABORTED, type Azure } from './azure.ts';

const VM = 'Microsoft.Compute/virtualMachines';

async function failureOf(work: Promise<unknown>): Promise<InfraError | ArmError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof InfraError || error instanceof ArmError) return error;
  throw new Error('it did not fail as it should', { cause: error });
}

/** Types of what exists, each once, in the order of their names. */
function types({ fake }: Azure): string[] {
  return [...new Set(fake.resources().map((resource) => textAt(resource, 'type')))].sort();
}

describe('a deployment that fails in the middle', () => {
  it('tells the reason, keeps what is there, and goes on from it', async () => {
    const azure = await openAzure();
    const graph = azure.environment();
    azure.fake.faults.failResource(
      { type: VM },
      { code: 'AllocationFailed', message: 'There is not enough capacity in canadacentral.', times: 1 },
    );
    const seen: DeploymentOperation[] = [];
    const failure = await failureOf(azure.deploy(graph, { listener: { operation: (operation) => seen.push(operation) } }));
    expect(failure).toMatchObject({ code: 'INFRA_DEPLOYMENT_FAILED' });
    expect(failure.message).toContain('AllocationFailed: There is not enough capacity in canadacentral.');
    expect(failure.message).toContain('the same command goes on from it');
    const failed = seen.find(({ state, type }) => state === 'Failed' && type === VM);
    expect(failed?.fault !== undefined && describeFault(failed.fault)).toBe(
      'AllocationFailed: There is not enough capacity in canadacentral.',
    );
    expect(types(azure)).toContain('Microsoft.Storage/storageAccounts/blobServices/containers');

    // Azure keeps the VM that it could not start.
    const plan = await azure.deploy(graph);
    expect(plan.changes.find(({ key }) => key === 'vm')).toMatchObject({ action: 'change', note: 'its last deployment failed' });
    expect(doings(plan).some((doing) => doing.includes('Microsoft.Storage/'))).toBe(false);
    expect(azure.fake.resources(VM).map((vm) => textAt(vm, 'properties', 'provisioningState'))).toEqual(['Succeeded']);
    expect(doings(await azure.plan(graph))).toEqual([]);
  });
});

describe('what Azure refuses before it begins', () => {
  it('is told, and nothing is there: a quota', async () => {
    const azure = await openAzure({ quota: { standardDSv5Family: 2 } });
    const failure = await failureOf(azure.deploy(azure.environment()));
    expect(failure.message).toMatch(/QuotaExceeded|OperationNotAllowed/);
    expect(failure).toMatchObject({ code: 'INFRA_CHECK_FAILED' });
    expect(types(azure)).not.toContain(VM);
    expect(azure.writes()).toEqual([]);
  });

  it('is told, and nothing is there: a size that the region has not', async () => {
    const azure = await openAzure({
      regions: [
        { name: 'canadacentral', displayName: 'Canada Central', withoutSkus: ['Standard_D4s_v5'] },
        { name: 'westus3', displayName: 'West US 3' },
      ],
    });
    const failure = await failureOf(azure.deploy(azure.environment()));
    expect(failure).toMatchObject({ code: 'INFRA_CHECK_FAILED' });
    expect(failure.message).toContain('SkuNotAvailable');
    expect(azure.writes()).toEqual([]);
  });

  it('is told with the role that is missing: rights', async () => {
    const contributor = { objectId: 'dddddddd-0000-4000-8000-000000000004', type: 'User', roles: ['Contributor'] } as const;
    const azure = await openAzure({ principals: [DEFAULT_PRINCIPAL, contributor] }, contributor.objectId);
    const failure = await failureOf(azure.deploy(azure.environment()));
    expect(failure.message).toContain('Ask an owner of the subscription');
    expect(failure.message).toContain('Microsoft.Authorization/roleAssignments/write');
  });

  it('is told with the variable to set: a subscription that is not there', async () => {
    const azure = await openAzure({ subscriptionId: '22222222-2222-4222-8222-222222222222' });
    const failure = await failureOf(azure.plan(azure.environment()));
    expect(failure).toBeInstanceOf(ArmError);
    expect(failure.message).toContain('AZURE_SUBSCRIPTION_ID');
  });

  it('is told when nobody is known by the token', async () => {
    const azure = await openAzure({ wallClock: () => Date.now() + 10 * 3_600_000 });
    const failure = await failureOf(azure.plan(azure.environment()));
    expect(failure).toMatchObject({ code: 'ARM_REQUEST_FAILED', status: 401 });
  });
});

describe('a busy service', () => {
  it('is asked again where it throttles', async () => {
    const azure = await openAzure();
    azure.fake.faults.throttle({ method: 'GET' }, { times: 2 });
    azure.fake.faults.throttle({ method: 'PUT' }, { times: 1 });
    await azure.deploy(azure.environment());
    expect(doings(await azure.plan(azure.environment()))).toEqual([]);
  });

  it('is told of where it goes on refusing', async () => {
    const azure = await openAzure();
    azure.fake.faults.inject({
      match: { path: /whatIf$/i },
      status: 409,
      code: 'AnotherOperationInProgress',
      message: 'Another operation is in progress.',
    });
    const failure = await failureOf(azure.plan(azure.environment()));
    expect(failure.message).toBe(
      'asking Azure what would change failed (HTTP 409): AnotherOperationInProgress: Another operation is in progress.',
    );
  });
});

describe('an interrupted deployment', () => {
  /** Starts a deployment and aborts the waiting when the first resource is begun. */
  async function interrupted(azure: Azure, when: (operation: DeploymentOperation) => boolean = () => true): Promise<Plan> {
    const abort = new AbortController();
    const reason = new Error('Ctrl-C');
    const plan = await azure.plan(azure.environment());
    const work = applyPlan(azure.manager, plan, {
      signal: abort.signal,
      allowReplace: false,
      listener: { operation: (operation) => (when(operation) ? abort.abort(reason) : undefined) },
      clock: UNTIL_ABORTED,
    });
    await expect(work).rejects.toBe(reason);
    return plan;
  }

  it.each([
    { when: 'at its first resource', stop: () => true },
    // The identity of the VM exists then, so that the next template is another one.
    { when: 'while the VM is made', stop: ({ type }: DeploymentOperation) => type === VM },
  ])('goes on in Azure, and is followed by the next run instead of started again: $when', async ({ stop }) => {
    const azure = await openAzure({ pollSeconds: 1 });
    await interrupted(azure, stop);
    const before = azure.fake.log.length;
    let attached: string | undefined;
    const plan = await planChanges(azure.manager, azure.environment(), azure.signal);
    await applyPlan(azure.manager, plan, {
      signal: azure.signal,
      allowReplace: false,
      clock: IMPATIENT,
      listener: { attached: (name) => (attached = name) },
    });
    expect(attached).toBe(plan.deployment.name);
    expect(azure.writes(before)).toEqual([]);
    expect(doings(await azure.plan(azure.environment()))).toEqual([]);
  });

  it('is waited for before anything is planned, where there is one of the same settings', async () => {
    const azure = await openAzure({ pollSeconds: 1 });
    const graph = azure.environment();
    const wait = { signal: azure.signal, clock: IMPATIENT };
    expect(await followRunning(azure.manager, graph, wait)).toBe(false);
    await interrupted(azure);
    const before = azure.fake.log.length;
    expect(await followRunning(azure.manager, graph, wait)).toBe(true);
    expect(azure.writes(before)).toEqual([]);
    expect(doings(await azure.plan(graph))).toEqual([]);
  });

  it('makes rights that a plan does not take for left over, if it ends while that is made', async () => {
    // So much time passes with each look that the deployment is over before the comparison is.
    const azure = await openAzure({ pollSeconds: 1 });
    const graph = azure.environment();
    await interrupted(azure);
    const advance = azure.fake.clock.advance.bind(azure.fake.clock);
    azure.fake.clock.advance = (seconds) => advance(600 * seconds);
    const { changes } = await azure.plan(graph);
    expect(changes.filter(({ action }) => action === 'delete')).toEqual([]);
    expect(doings(await azure.plan(graph))).toEqual([]);
  });

  it('is waited for only where it is one of the same settings', async () => {
    const azure = await openAzure();
    await interrupted(azure);
    const other = azure.environment({ VM_SIZE: 'Standard_D8s_v5' });
    const failure = await failureOf(followRunning(azure.manager, other, { signal: azure.signal, clock: IMPATIENT }));
    expect(failure).toMatchObject({ code: 'INFRA_DEPLOYMENT_ACTIVE' });
  });

  it('keeps others from starting, and says which and how to stop it', async () => {
    const azure = await openAzure();
    await interrupted(azure);
    const before = azure.fake.log.length;
    const failure = await failureOf(azure.deploy(azure.environment({ VM_SIZE: 'Standard_D8s_v5' })));
    expect(failure).toMatchObject({ code: 'INFRA_DEPLOYMENT_ACTIVE' });
    expect(failure.message).toContain('az deployment sub cancel --name warpforge-warpdrive-forge-');
    expect(azure.writes(before)).toEqual([]);
  });

  it('is canceled also where the request for it is interrupted', async () => {
    const azure = await openAzure();
    const plan = await interrupted(azure);
    const work = cancelDeployment(azure.manager, plan, { signal: AbortSignal.abort(new Error('again')), clock: IMPATIENT });
    await expect(work).rejects.toThrow('again');
    expect(await azure.manager.deployments.state(plan.deployment.name, azure.signal)).toMatchObject({ state: 'Canceled' });
  });

  it('is canceled on request; what was created stays, and the next run goes on', async () => {
    const azure = await openAzure();
    const plan = await interrupted(azure);
    expect(await cancelDeployment(azure.manager, plan, { signal: azure.signal, clock: IMPATIENT })).toBe('Canceled');
    await azure.deploy(azure.environment());
    expect(doings(await azure.plan(azure.environment()))).toEqual([]);
  });
});
