import { describe, expect, it, vi } from 'vitest';
import { openScaleSet, SCALE_ROLE, type ArmError, type ScaleSet } from '../../src/index.ts';
import { issueToken, type FakeResourceManagerOptions, type JsonObject } from '../../src/testing/testing.ts';
import { SUBSCRIPTION } from '../graph/environment-under-test.ts';
import { openAzure, textAt, type Azure } from '../planner/azure.ts';

const HOUR_MS = 3_600_000;
const SET = 'Microsoft.Compute/virtualMachineScaleSets';
const GROUP = `/subscriptions/${SUBSCRIPTION}/resourceGroups/warpdrive-forge-rg-cachewarmer`;
const { signal } = new AbortController();

/** A CacheWarmer that is there, and its scale set as its manager has it. */
async function deployed(
  options: Partial<FakeResourceManagerOptions> = {},
): Promise<{ azure: Azure; scaleSet: ScaleSet; problems: ArmError[]; role: string }> {
  const azure = await openAzure(options);
  const graph = azure.cacheWarmer({ CACHEWARMER_NAT_GATEWAY: 'false' });
  await azure.deploy(graph);
  const token = issueToken({
    objectId: textAt(azure.fake.resource(graph.idOf('manager')), 'properties', 'principalId'),
    kind: 'app',
    tenantId: azure.fake.tenantId,
    audience: 'https://management.azure.com',
    issuedAt: new Date(),
    expiresAt: new Date(Date.now() + HOUR_MS),
  });
  // Until the roles work.
  azure.fake.clock.advance(60);
  const problems: ArmError[] = [];
  const scaleSet = await openScaleSet({
    credential: { getToken: () => Promise.resolve({ token, expiresOnTimestamp: Date.now() + HOUR_MS }) },
    subscriptionId: SUBSCRIPTION,
    resourceGroup: graph.group.name,
    name: 'cw-workers',
    httpClient: azure.fake.client(),
    pollIntervalMs: 1,
    onProblem: (problem) => problems.push(problem),
  });
  return { azure, scaleSet, problems, role: graph.idOf('scale-role') };
}

/** Names of the instances, once what was asked for is over. */
async function names({ azure, scaleSet }: { azure: Azure; scaleSet: ScaleSet }): Promise<string[]> {
  azure.fake.clock.advance(600);
  return (await scaleSet.instances(signal)).map(({ name }) => name).sort();
}

const capacity = ({ fake }: Azure): unknown => (fake.resources(SET)[0]?.['sku'] as JsonObject)['capacity'];

describe('the scale set of a CacheWarmer', () => {
  it('is raised, and counted by its instances, which are known by the names of their resources', async () => {
    const { azure, scaleSet } = await deployed();
    expect(await scaleSet.instances(signal)).toEqual([]);
    await scaleSet.raiseTo(3, signal);
    const made = await names({ azure, scaleSet });
    expect(made).toHaveLength(3);
    expect(new Set(made).size).toBe(3);
    const [first] = await scaleSet.instances(signal);
    expect(first?.startedAt).toBeInstanceOf(Date);
    expect(first?.provisioningState).toBe('Succeeded');
    expect(azure.fake.resources('Microsoft.Compute/virtualMachines').map((vm) => textAt(vm, 'name'))).toEqual(expect.arrayContaining(made));
  });

  it('is not asked again for what it has or is about to have', async () => {
    const { azure, scaleSet } = await deployed();
    await scaleSet.raiseTo(2, signal);
    const before = azure.fake.log.length;
    await scaleSet.raiseTo(2, signal);
    await names({ azure, scaleSet });
    await scaleSet.raiseTo(1, signal);
    expect(azure.writes(before)).toEqual([]);
    expect(await names({ azure, scaleSet })).toHaveLength(2);
  });

  it('loses the instances that are named, and no others; those that are gone are as good', async () => {
    const { azure, scaleSet } = await deployed();
    await scaleSet.raiseTo(3, signal);
    const [first = '', second = '', third = ''] = await names({ azure, scaleSet });
    await scaleSet.remove([second, 'cw-workers_nobody'], signal);
    expect(await names({ azure, scaleSet })).toEqual([first, third]);
    await scaleSet.remove([second], signal);
    await scaleSet.toZero(signal);
    expect(await names({ azure, scaleSet })).toEqual([]);
    expect(capacity(azure)).toBe(0);
  });
});

describe('what Azure takes back or does not have', () => {
  it('is missing from the instances at once, and is asked for again although the capacity still counts it', async () => {
    const { azure, scaleSet } = await deployed();
    await scaleSet.raiseTo(3, signal);
    const [first = '', ...others] = await names({ azure, scaleSet });
    azure.fake.evict(`${GROUP}/providers/Microsoft.Compute/virtualMachines/${first}`);
    expect(await names({ azure, scaleSet })).toEqual(others);
    expect(capacity(azure)).toBe(3);
    await scaleSet.raiseTo(3, signal);
    const again = await names({ azure, scaleSet });
    expect(again).toHaveLength(3);
    expect(again).toEqual(expect.arrayContaining(others));
    expect(again).not.toContain(first);
  });

  it('is told and no error, and comes with a later try', async () => {
    const { azure, scaleSet, problems } = await deployed({ spotCapacity: 2 });
    await scaleSet.raiseTo(4, signal);
    expect(await names({ azure, scaleSet })).toHaveLength(2);
    await vi.waitFor(() => expect(problems).toHaveLength(1));
    expect(problems[0]?.message).toMatch(/^raising cw-workers to 4 instances failed: .*AllocationFailed/);
    azure.fake.spotCapacity = 10;
    await scaleSet.raiseTo(4, signal);
    expect(await names({ azure, scaleSet })).toHaveLength(4);
    expect(problems).toHaveLength(1);
  });

  it('may be a quota, which is told in the same way', async () => {
    const { azure, scaleSet, problems } = await deployed({ quota: { lowPriorityCores: 4 } });
    await scaleSet.raiseTo(3, signal);
    expect(problems).toEqual([expect.objectContaining({ status: 409, message: expect.stringContaining('lowPriorityCores') as string })]);
    await scaleSet.raiseTo(2, signal);
    expect(await names({ azure, scaleSet })).toHaveLength(2);
  });

  it('is not asked again in vain of a scale set that does not exist', async () => {
    const { azure, scaleSet } = await deployed();
    azure.fake.remove(`${GROUP}/providers/${SET}/cw-workers`);
    await expect(scaleSet.raiseTo(1, signal)).rejects.toMatchObject({ code: 'ARM_REQUEST_FAILED', status: 404 });
  });
});

describe('the role of its manager', () => {
  const everything = async ({ azure, scaleSet }: { azure: Azure; scaleSet: ScaleSet }): Promise<void> => {
    await scaleSet.raiseTo(1, signal);
    const made = await names({ azure, scaleSet });
    await scaleSet.remove(made, signal);
    await names({ azure, scaleSet });
  };

  it('is enough for all that it does', async () => {
    const { azure, scaleSet, problems } = await deployed();
    await everything({ azure, scaleSet });
    expect(problems).toEqual([]);
  });

  it('has no action that it could do without', async () => {
    const { azure, scaleSet, role } = await deployed();
    for (const missing of SCALE_ROLE.actions) {
      const change = (actions: readonly string[]): void =>
        azure.fake.change(role, (body) => ({
          ...body,
          properties: {
            ...(body['properties'] as JsonObject),
            permissions: [{ actions: [...actions], notActions: [], dataActions: [], notDataActions: [] }],
          },
        }));
      change(SCALE_ROLE.actions.filter((action) => action !== missing));
      await expect(everything({ azure, scaleSet }), missing).rejects.toMatchObject({
        status: 403,
        message: expect.stringContaining(`'${missing}'`) as string,
      });
      change(SCALE_ROLE.actions);
      await everything({ azure, scaleSet });
    }
  });
});
