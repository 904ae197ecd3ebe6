import { ComputeManagementClient } from '@azure/arm-compute';
import { describe, expect, it } from 'vitest';
import { at, listAt, stringAt, withValue, type JsonObject } from '../../src/testing/arm/json.ts';
import type { FakeResourceManagerOptions } from '../../src/testing/fake-resource-manager.ts';
import { network, template } from './environment-template.ts';
import { connection, deploy, FAST, fakeWithGroup, GROUP, send } from './fake-requests.ts';
import { identity, scaleSet, SCALE_SET, WORKERS_IDENTITY } from './scale-set-template.ts';

const MACHINES = 'Microsoft.Compute/virtualMachines';
const FILTER = `'virtualMachineScaleSet/id' eq '${SCALE_SET}'`;

async function withScaleSet(options: Partial<FakeResourceManagerOptions> = {}, change = (body: JsonObject) => body) {
  const fake = fakeWithGroup(options);
  const done = await deploy(fake, template([...network, identity('workers'), change(scaleSet)]));
  expect(stringAt(done.json, 'properties.provisioningState'), JSON.stringify(done.json)).toBe('Succeeded');
  const compute = new ComputeManagementClient(...connection(fake));
  return {
    fake,
    compute,
    raise: (capacity: number) => compute.virtualMachineScaleSets.update('rg', 'workers', { sku: { capacity } }, FAST),
    capacity: () => at(fake.resource(SCALE_SET), 'sku.capacity'),
    names: () => fake.resources(MACHINES).map((machine) => stringAt(machine, 'name') ?? ''),
  };
}

async function refusal(change: (body: JsonObject) => JsonObject, options: Partial<FakeResourceManagerOptions> = {}) {
  const done = await deploy(fakeWithGroup(options), template([...network, identity('workers'), change(scaleSet)]));
  const path = at(done.json, 'properties.error') === undefined ? 'error.details.0' : 'properties.error.details.0';
  return [stringAt(done.json, `${path}.code`), stringAt(done.json, `${path}.message`)];
}

describe('flexible scale sets', () => {
  it('are made empty, and show no custom data and of identities the ids only', async () => {
    const { fake, compute } = await withScaleSet();
    const shown = await compute.virtualMachineScaleSets.get('rg', 'workers');
    expect(shown).toMatchObject({ provisioningState: 'Succeeded', orchestrationMode: 'Flexible', sku: { capacity: 0 } });
    expect(shown.virtualMachineProfile?.osProfile?.customData).toBeUndefined();
    expect(at(fake.resource(SCALE_SET), 'identity')).toEqual({ type: 'UserAssigned', userAssignedIdentities: { [WORKERS_IDENTITY]: {} } });
    expect(fake.resources(MACHINES)).toEqual([]);
  });

  it('make machines of their model, with disks and network interfaces of their own', async () => {
    const { fake, raise } = await withScaleSet();
    await raise(2);
    const machines = fake.resources(MACHINES);
    expect(machines).toHaveLength(2);
    for (const machine of machines) {
      expect(stringAt(machine, 'name')).toMatch(/^workers_[0-9a-f]{8}$/);
      expect(stringAt(machine, 'properties.osProfile.computerName')).toMatch(/^worker[0-9a-f]{6}$/);
      expect(machine).toMatchObject({
        properties: {
          provisioningState: 'Succeeded',
          priority: 'Spot',
          evictionPolicy: 'Delete',
          virtualMachineScaleSet: { id: SCALE_SET },
          hardwareProfile: { vmSize: 'Standard_D4s_v5' },
        },
        identity: { userAssignedIdentities: { [WORKERS_IDENTITY]: { clientId: expect.any(String) as string } } },
      });
    }
    expect(fake.resources('Microsoft.Compute/disks')).toHaveLength(2);
    expect(fake.resources('Microsoft.Network/networkInterfaces').map((nic) => stringAt(nic, 'properties.virtualMachine.id'))).toEqual(
      expect.arrayContaining(machines.map((machine) => stringAt(machine, 'id'))),
    );
  });

  it('delete the oldest machines with all that is theirs when they are to have fewer', async () => {
    const { fake, raise, names, capacity } = await withScaleSet();
    await raise(3);
    const [, ...younger] = names();
    await raise(2);
    expect(names()).toEqual(younger);
    await raise(0);
    expect([capacity(), names(), fake.resources('Microsoft.Compute/disks')]).toEqual([0, [], []]);
    expect(fake.resources('Microsoft.Network/networkInterfaces').map((nic) => stringAt(nic, 'name'))).toEqual(['nic']);
  });

  it('list their machines by a filter, in pages, also while these are being made', async () => {
    const { fake, compute, raise } = await withScaleSet({ pageSize: 2, pollSeconds: 1 });
    await raise(5);
    await send(fake, 'PUT', `${SCALE_SET.replace('workers', 'others')}?api-version=2024-07-01`, { body: fake.resource(SCALE_SET) });
    const operation = compute.virtualMachineScaleSets.update('rg', 'workers', { sku: { capacity: 6 } }, FAST);
    await operation.submitted();
    const states = [];
    for await (const vm of compute.virtualMachines.list('rg', { filter: FILTER, expand: 'instanceView' })) {
      states.push([vm.provisioningState, vm.instanceView?.statuses?.length]);
    }
    expect(states).toEqual([...Array.from({ length: 5 }, () => ['Succeeded', 2]), ['Creating', 2]]);
    const everywhere = [];
    for await (const vm of compute.virtualMachines.listAll({ filter: FILTER.replace('workers', 'others') })) everywhere.push(vm);
    expect(everywhere).toEqual([]);
    // Listing is a poll: who waits by it waits for something.
    for (let list = 0; list < 60; list++) await send(fake, 'GET', `${GROUP}/providers/${MACHINES}?api-version=2024-07-01`);
    expect(fake.resources(MACHINES).map((vm) => stringAt(vm, 'properties.provisioningState'))).not.toContain('Creating');
    await expect(compute.virtualMachines.list('rg', { expand: 'instanceView' }).next()).rejects.toMatchObject({ code: 'InvalidParameter' });
  });

  it('get fewer machines than asked for where there is no room, and the rest later', async () => {
    const { fake, raise, names, capacity, compute } = await withScaleSet({ spotCapacity: 2 });
    await expect(raise(5)).rejects.toThrow('AllocationFailed');
    expect([names().length, capacity()]).toEqual([2, 5]);
    expect((await compute.virtualMachineScaleSets.get('rg', 'workers')).provisioningState).toBe('Failed');
    fake.spotCapacity = 4;
    await raise(4);
    expect([names().length, capacity()]).toEqual([4, 4]);
  });

  it('keep machines that could not be made as failed ones', async () => {
    const { fake, raise } = await withScaleSet();
    fake.faults.failResource({ type: MACHINES }, { code: 'OSProvisioningTimedOut', message: 'too slow', times: 1 });
    await expect(raise(2)).rejects.toThrow('OSProvisioningTimedOut');
    expect(fake.resources(MACHINES).map((vm) => stringAt(vm, 'properties.provisioningState'))).toEqual(['Failed', 'Succeeded']);
  });

  it('lose evicted machines and not their capacity, up to which the next statement of it fills them', async () => {
    const { fake, compute, raise, names, capacity } = await withScaleSet();
    await raise(3);
    const [first = '', second = '', third = ''] = names();
    await compute.virtualMachines.simulateEviction('rg', first);
    fake.evict(`${GROUP}/providers/${MACHINES}/${second}`);
    expect([names(), capacity()]).toEqual([[third], 3]);
    expect([fake.resources('Microsoft.Compute/disks').length, fake.resources('Microsoft.Network/networkInterfaces').length]).toEqual([
      1, 2,
    ]);
    await compute.virtualMachineScaleSets.update('rg', 'workers', { tags: { a: 'b' } }, FAST);
    expect(names()).toEqual([third]);
    await raise(3);
    expect(names()).toHaveLength(3);
    expect(() => fake.evict(`${GROUP}/providers/${MACHINES}/${first}`)).toThrow('there is no machine');
  });

  it('delete machines by name, which lowers the capacity as deleting the machine does', async () => {
    const { compute, raise, names, capacity } = await withScaleSet();
    await raise(4);
    const [first = '', second = '', third = '', fourth = ''] = names();
    await compute.virtualMachineScaleSets.deleteInstances('rg', 'workers', { instanceIds: [first, third] }, FAST);
    expect([names(), capacity()]).toEqual([[second, fourth], 2]);
    await compute.virtualMachines.delete('rg', fourth, FAST);
    expect([names(), capacity()]).toEqual([[second], 1]);
    await expect(compute.virtualMachineScaleSets.deleteInstances('rg', 'workers', { instanceIds: [first] }, FAST)).rejects.toMatchObject({
      code: 'InvalidParameter',
      message: expect.stringContaining('is not an active') as string,
    });
  });

  it('take a new capacity in place of one that they are still being brought to', async () => {
    const { compute, raise, names, capacity } = await withScaleSet();
    const first = compute.virtualMachineScaleSets.update('rg', 'workers', { sku: { capacity: 4 } }, FAST);
    await first.submitted();
    await raise(1);
    await expect(first).rejects.toThrow('OperationPreempted');
    expect([names().length, capacity()]).toEqual([1, 1]);
    const up = compute.virtualMachineScaleSets.update('rg', 'workers', { sku: { capacity: 3 } }, FAST);
    await up.submitted();
    await raise(0);
    expect([names(), capacity()]).toEqual([[], 0]);
  });

  it('come to their end when a machine is deleted while it is being made', async () => {
    const { fake, names } = await withScaleSet();
    // Without the client, whose polls would let time pass.
    await send(fake, 'PATCH', `${SCALE_SET}?api-version=2024-07-01`, { body: { sku: { capacity: 2 } } });
    const [first = '', second = ''] = names();
    const states = () => fake.resources(MACHINES).map((vm) => stringAt(vm, 'properties.provisioningState'));
    fake.clock.advance(30);
    expect(states()).toEqual(['Creating', 'Creating']);
    await send(fake, 'DELETE', `${GROUP}/providers/${MACHINES}/${first}?api-version=2024-07-01`);
    fake.clock.advance(20);
    expect(states()).toEqual(['Deleting', 'Succeeded']);
    fake.clock.advance(20);
    expect(names()).toEqual([second]);
    expect(at(fake.resource(SCALE_SET), 'properties.provisioningState')).toBe('Succeeded');
  });

  it('delete the disks of their machines unless these are to stay', async () => {
    const disk = 'properties.virtualMachineProfile.storageProfile.osDisk.deleteOption';
    for (const [option, left] of [
      [undefined, 0],
      ['Detach', 1],
    ] as const) {
      const { fake, raise } = await withScaleSet({}, (body) => withValue(body, disk, option));
      await raise(1);
      await raise(0);
      expect(fake.resources('Microsoft.Compute/disks')).toHaveLength(left);
    }
  });

  it('are deleted with their machines', async () => {
    const { fake, compute, raise } = await withScaleSet();
    await raise(2);
    await compute.virtualMachineScaleSets.delete('rg', 'workers', FAST);
    expect([fake.resource(SCALE_SET), fake.resources(MACHINES)]).toEqual([undefined, []]);
    expect(await compute.virtualMachineScaleSets.list('rg').next()).toMatchObject({ done: true });
  });

  it('are bound by the quota for all that they are to have', async () => {
    const { raise, names } = await withScaleSet({ quota: { lowPriorityCores: 10 } });
    await expect(raise(3)).rejects.toMatchObject({
      code: 'OperationNotAllowed',
      message: expect.stringContaining('Current Usage: 0, Additional Required: 12') as string,
    });
    await raise(2);
    expect(names()).toHaveLength(2);
    const [code] = await refusal((body) => withValue(body, 'sku.capacity', 3), { quota: { lowPriorityCores: 10 } });
    expect(code).toBe('QuotaExceeded');
  });

  const profile = 'properties.virtualMachineProfile';
  it.each<[string, (body: JsonObject) => JsonObject, string]>([
    ['an unknown size', (body) => withValue(body, 'sku.name', 'Standard_X'), 'InvalidParameter'],
    ['a size without Spot', (body) => withValue(body, 'sku.name', 'Standard_B2s'), 'OperationNotAllowed'],
    ['a policy for regular machines', (body) => withValue(body, `${profile}.priority`, 'Regular'), 'InvalidParameter'],
    ['an unknown policy', (body) => withValue(body, `${profile}.evictionPolicy`, 'Stop'), 'InvalidParameter'],
    ['no fault domains', (body) => withValue(body, 'properties.platformFaultDomainCount', undefined), 'InvalidParameter'],
    ['no network version', (body) => withValue(body, `${profile}.networkProfile.networkApiVersion`, undefined), 'InvalidParameter'],
    ['no network', (body) => withValue(body, `${profile}.networkProfile`, undefined), 'InvalidParameter'],
    ['a system-assigned identity', (body) => withValue(body, 'identity', { type: 'SystemAssigned' }), 'InvalidParameter'],
    ['a capacity that is none', (body) => withValue(body, 'sku.capacity', -1), 'InvalidParameter'],
    ['a name too long', (body) => withValue(body, 'name', 'w'.repeat(36)), 'InvalidParameter'],
    ['no key', (body) => withValue(body, `${profile}.osProfile.linuxConfiguration.ssh`, undefined), 'InvalidParameter'],
    ['an unknown image', (body) => withValue(body, `${profile}.storageProfile.imageReference.sku`, 'none'), 'PlatformImageNotFound'],
    [
      'an identity that is not there',
      (body) => withValue(body, 'identity.userAssignedIdentities', { [`${GROUP}/x`]: {} }),
      'FailedIdentityOperation',
    ],
    [
      'a subnet that is not there',
      (body) => {
        const configuration = {
          name: 'primary',
          properties: { subnet: { id: `${GROUP}/providers/Microsoft.Network/virtualNetworks/vnet/subnets/none` } },
        };
        const nic = { name: 'nic', properties: { primary: true, ipConfigurations: [configuration] } };
        return withValue(body, `${profile}.networkProfile.networkInterfaceConfigurations`, [nic]);
      },
      'InvalidResourceReference',
    ],
  ])('refuse %s', async (_what, change, code) => {
    expect((await refusal(change))[0]).toBe(code);
  });

  it('keep their mode and their priority as they were made', async () => {
    const { fake } = await withScaleSet();
    for (const [path, value] of [
      ['properties.orchestrationMode', 'Uniform'],
      [`${profile}.priority`, 'Regular'],
    ] as const) {
      const changed = await send(fake, 'PATCH', `${SCALE_SET}?api-version=2024-07-01`, { body: withValue({}, path, value) });
      expect([changed.status, at(changed.json, 'error.code')]).toEqual([409, 'PropertyChangeNotAllowed']);
    }
  });

  it('show what-if no change but that of the custom data, which it cannot see', async () => {
    const { fake, raise } = await withScaleSet();
    await raise(1);
    const same = template([withValue(scaleSet, 'dependsOn', undefined)].map((body) => withValue(body, 'sku.capacity', 1)));
    const path = `${GROUP}/providers/Microsoft.Resources/deployments/main/whatIf?api-version=2022-09-01`;
    const begun = await send(fake, 'POST', path, { body: { properties: { mode: 'Incremental', template: same } } });
    const location = begun.headers['location'] ?? '';
    for (;;) {
      const answer = await send(fake, 'GET', location.replace('https://management.azure.com', ''));
      if (answer.status === 202) continue;
      const changes = listAt(answer.json, 'properties.changes').filter((change) => stringAt(change, 'resourceId') === SCALE_SET);
      expect(changes.flatMap((change) => listAt(change, 'delta')).map((delta) => stringAt(delta, 'path'))).toEqual([
        `${profile}.osProfile.customData`,
      ]);
      return;
    }
  });
});
