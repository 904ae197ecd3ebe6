import type { JsonObject } from '@warpforge/azure-infra/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startBlobStorage, StoppableClock, textAt, TYPES, Workplace, type BlobStorage } from './workplace.ts';

let storage: BlobStorage;
beforeAll(async () => {
  storage = await startBlobStorage();
});
afterAll(() => storage[Symbol.asyncDispose]());

interface Status {
  readonly resources: readonly { readonly type: string; readonly name: string; readonly state: string }[];
  readonly runningDeployments: readonly string[];
  readonly costSoFar: unknown;
  readonly drift: readonly { readonly action: string; readonly name: string }[] | null;
}

async function statusOf(place: Workplace): Promise<Status> {
  const stdout = await place.succeed(['status', '--json']);
  expect(stdout.trimEnd().split('\n')).toHaveLength(1);
  return JSON.parse(stdout) as Status;
}

describe('warpforge-infra status', () => {
  it('says what makes an environment, where there is none', async () => {
    await using place = await Workplace.open(storage);
    const { code, stdout, stderr } = await place.runAsProcess(['status']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toBe(
      `warpforge-infra: nothing in the subscription ${place.manager.subscriptionId} carries the tag warpforge-env=warpdrive-forge; "warpforge-infra provision" creates it\n`,
    );
  });

  it('shows what is being made, and knows no drift meanwhile', async () => {
    const clock = new StoppableClock();
    await using place = await Workplace.open(storage, { resourceManager: { clock } });
    place.manager.subscribe(({ kind, type }) => (kind === 'created' && type === TYPES.group ? clock.stop() : undefined));
    await using program = place.start(['provision', '--yes']);
    await program.printed('Resources/resourceGroups warpdrive-forge-rg: done');
    program.kill('SIGINT');
    await program.end;

    // So slow that what is being made is not finished while its state is asked.
    clock.goOn({ secondsPerLook: 5 });
    const text = await place.succeed(['status']);
    expect(text).toMatch(/^The deployment warpforge-warpdrive-forge-\S+ is running; "warpforge-infra provision" follows it\.$/m);
    expect(text).toMatch(/^Storage\/storageAccounts +wdforge\w+ +\w+ +\w+$/m);
    expect(text).toContain('Drift: not known while a deployment is running');
    expect(text).toContain('Estimated cost so far: not known without a VM');
    const { runningDeployments, drift } = await statusOf(place);
    expect(runningDeployments).toHaveLength(1);
    expect(drift).toBeNull();
    const plan = await place.run(['plan']);
    expect(plan.stdout).toMatch(/^The deployment warpforge-\S+ is running: this shows a moment of it, and the next may be another\.$/m);
  });
});

describe('warpforge-infra status of what exists', () => {
  let place: Workplace;
  beforeAll(async () => {
    place = await Workplace.open(storage);
    await place.succeed(['provision', '--yes']);
  });
  afterAll(() => place[Symbol.asyncDispose]());

  it('shows each resource with its state, the cost, and that nothing has changed', async () => {
    const before = place.manager.log.length;
    const text = await place.succeed(['status']);
    expect(text).toMatch(/^Compute\/virtualMachines +warpdrive-forge-vm +canadacentral +running$/m);
    expect(text).toMatch(/^Resources\/resourceGroups +warpdrive-forge-rg +canadacentral +Succeeded$/m);
    expect(text).toMatch(/^Estimated cost so far: \$0\.\d\d in \d+ h, if the VM has run all the time; now \$0\.21\/h \(list prices of /m);
    expect(text.trimEnd().split('\n').at(-1)).toBe('Drift: none');
    const { resources, runningDeployments, costSoFar, drift } = await statusOf(place);
    expect(resources.find(({ type }) => type === TYPES.vm)).toMatchObject({ name: 'warpdrive-forge-vm', state: 'running' });
    expect(resources).toHaveLength(9);
    expect({ runningDeployments, drift }).toEqual({ runningDeployments: [], drift: [] });
    expect(costSoFar).toMatchObject({ hours: expect.any(Number) as number });
    expect(place.writes(before)).toEqual([]);
  });

  it('shows that the VM is stopped, which is no drift', async () => {
    place.manager.change(textAt(place.only(TYPES.vm), 'id'), (body) => ({ ...body, power: 'deallocated' }));
    const text = await place.succeed(['status']);
    expect(text).toMatch(/^Compute\/virtualMachines +warpdrive-forge-vm +canadacentral +deallocated$/m);
    expect(text).toContain('Drift: none');
  });

  it('shows what somebody has changed and deleted', async () => {
    const rules = place.only(TYPES.securityGroup);
    place.manager.change(
      textAt(rules, 'id'),
      (body) => JSON.parse(JSON.stringify(body).replaceAll('203.0.113.7/32', '198.51.100.0/24')) as JsonObject,
    );
    const [right] = place.manager.resources(TYPES.role).filter((one) => textAt(one, 'properties', 'scope').includes('/containers/'));
    place.manager.remove(textAt(right, 'id'));
    const text = await place.succeed(['status']);
    expect(text).toContain('Drift: "warpforge-infra provision" would do this:');
    expect(text).toContain('"198.51.100.0/24" -> (none)');
    expect(text).toContain('1 to create, 1 to change, 0 to replace, 0 to delete, 0 unchanged');
    const { drift } = await statusOf(place);
    expect(drift?.map(({ action }) => action).sort()).toEqual(['change', 'create']);
  });
});
