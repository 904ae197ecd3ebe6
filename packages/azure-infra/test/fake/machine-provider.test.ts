import { ComputeManagementClient } from '@azure/arm-compute';
import { describe, expect, it } from 'vitest';
import { at, listAt, stringAt, withValue, type JsonObject } from '../../src/testing/arm/json.ts';
import { connection, deploy, FAST, fakeWithGroup, GROUP, send, requestFor } from './fake-requests.ts';
import { machine, network, template } from './environment-template.ts';

const clients = (...as: Parameters<typeof connection>) => ({
  compute: new ComputeManagementClient(...connection(...as)),
});

const VM = `${GROUP}/providers/Microsoft.Compute/virtualMachines/vm`;
const NIC = `${GROUP}/providers/Microsoft.Network/networkInterfaces/nic`;

async function withMachine(change: (vm: JsonObject) => JsonObject = (vm) => vm, options = {}) {
  const fake = fakeWithGroup(options);
  const done = await deploy(fake, template([...network, change(machine)]));
  expect(stringAt(done.json, 'properties.provisioningState')).toBe('Succeeded');
  return fake;
}

/** Error code with which the machine can't be what the change makes of it. */
async function refusal(fake: ReturnType<typeof fakeWithGroup>, path: string, value: Parameters<typeof withValue>[2]) {
  const done = await deploy(fake, template([...network, withValue(machine, path, value)]));
  return [
    stringAt(done.json, 'properties.error.details.0.code') ?? stringAt(done.json, 'error.details.0.code'),
    stringAt(done.json, 'properties.error.details.0.message'),
  ];
}

describe('virtual machines', () => {
  it('have an identity, an OS disk with their tags, and a network interface that is theirs', async () => {
    const fake = await withMachine();
    const vm = fake.resource(VM);
    expect(vm).toMatchObject({
      identity: { type: 'SystemAssigned', principalId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string },
      properties: {
        vmId: expect.any(String) as string,
        storageProfile: { osDisk: { diskSizeGB: 30, osType: 'Linux' }, imageReference: { exactVersion: expect.any(String) as string } },
      },
    });
    expect(at(vm, 'properties.osProfile.customData')).toBeUndefined();
    expect(fake.resources('Microsoft.Compute/disks')).toMatchObject([
      { tags: { 'warpforge-env': 'test' }, managedBy: VM, properties: { diskState: 'Attached' } },
    ]);
    expect(at(fake.resource(NIC), 'properties.virtualMachine')).toEqual({ id: VM });
  });

  it('can be given a public address of the test', async () => {
    const fake = await withMachine(undefined, { publicIpAddress: () => '127.0.0.1' });
    expect(at(fake.resource(`${GROUP}/providers/Microsoft.Network/publicIPAddresses/ip`), 'properties')).toMatchObject({
      ipAddress: '127.0.0.1',
      ipConfiguration: { id: `${NIC}/ipConfigurations/ipconfig` },
    });
  });

  it.each<[string, Parameters<typeof withValue>[2], string]>([
    ['properties.osProfile.customData', Buffer.from('other').toString('base64'), 'osProfile.customData'],
    ['properties.osProfile.adminUsername', 'other', 'osProfile.adminUsername'],
    ['properties.osProfile.computerName', 'other', 'osProfile.computerName'],
    [
      'properties.osProfile.linuxConfiguration.ssh.publicKeys',
      [{ path: '/home/azureuser/.ssh/authorized_keys', keyData: `ssh-rsa ${'A'.repeat(40)}` }],
      'linuxConfiguration.ssh.publicKeys',
    ],
    ['properties.storageProfile.imageReference.offer', '0001-com-ubuntu-server-jammy', 'imageReference'],
    ['properties.priority', 'Spot', 'priority'],
    ['zones', ['1'], 'zones'],
  ])('keep %s as it was made', async (path, value, target) => {
    const fake = await withMachine(undefined, {
      images: ['Canonical:ubuntu-24_04-lts:server', 'Canonical:0001-com-ubuntu-server-jammy:server'],
    });
    expect(await refusal(fake, path, value)).toEqual(['PropertyChangeNotAllowed', `Changing property '${target}' is not allowed.`]);
  });

  it('change their size and tags', async () => {
    const fake = await withMachine();
    const before = fake.resource(VM);
    await deploy(
      fake,
      template([...network, withValue(withValue(machine, 'properties.hardwareProfile.vmSize', 'Standard_D8s_v5'), 'tags', { a: 'b' })]),
    );
    const after = fake.resource(VM);
    expect(after).toMatchObject({ tags: { a: 'b' }, properties: { hardwareProfile: { vmSize: 'Standard_D8s_v5' } } });
    expect([at(after, 'identity'), at(after, 'properties.vmId')]).toEqual([at(before, 'identity'), at(before, 'properties.vmId')]);
  });

  it('are another principal each time that they are made, with nothing of the old left but what should stay', async () => {
    const fake = await withMachine();
    const { compute } = clients(fake);
    const first = stringAt(fake.resource(VM), 'identity.principalId');
    await compute.virtualMachines.delete('rg', 'vm', FAST);
    expect(fake.resources('Microsoft.Compute/disks')).toEqual([]);
    expect(at(fake.resource(NIC), 'properties.virtualMachine')).toBeUndefined();
    await deploy(fake, template([...network, machine]));
    const second = stringAt(fake.resource(VM), 'identity.principalId');
    expect([first, second]).toEqual([expect.any(String), expect.any(String)]);
    expect(second).not.toBe(first);
  });

  it('leave their disk when it is not to be deleted with them', async () => {
    const fake = await withMachine((vm) => withValue(vm, 'properties.storageProfile.osDisk.deleteOption', 'Detach'));
    const { compute } = clients(fake);
    const [disk] = await Array.fromAsync(compute.disks.listByResourceGroup('rg'));
    await expect(compute.disks.delete('rg', disk!.name!, FAST)).rejects.toThrow(/attached to VM/);
    await compute.virtualMachines.delete('rg', 'vm', FAST);
    expect(await compute.disks.get('rg', disk!.name!)).toMatchObject({ diskState: 'Unattached' });
    await compute.disks.delete('rg', disk!.name!, FAST);
    expect(await Array.fromAsync(compute.disks.list())).toEqual([]);
  });

  it('are started and stopped, by the real client', async () => {
    const fake = await withMachine();
    const { compute } = clients(fake);
    const state = async () => (await compute.virtualMachines.instanceView('rg', 'vm')).statuses?.at(-1)?.code;
    expect(await state()).toBe('PowerState/running');
    await compute.virtualMachines.deallocate('rg', 'vm', FAST);
    expect(await state()).toBe('PowerState/deallocated');
    await compute.virtualMachines.start('rg', 'vm', FAST);
    expect((await compute.virtualMachines.get('rg', 'vm', { expand: 'instanceView' })).instanceView?.statuses?.at(-1)?.code).toBe(
      'PowerState/running',
    );
    await compute.virtualMachines.powerOff('rg', 'vm', FAST);
    expect(await state()).toBe('PowerState/stopped');
    await compute.virtualMachines.restart('rg', 'vm', FAST);
    expect(await state()).toBe('PowerState/running');
    await expect(compute.virtualMachines.simulateEviction('rg', 'vm')).rejects.toMatchObject({ code: 'OperationNotAllowed' });
    await expect(compute.virtualMachines.start('rg', 'none', FAST)).rejects.toMatchObject({ code: 'ResourceNotFound' });
  });

  it('on Spot capacity are evicted as their policy says', async () => {
    const spot = (policy: string) => (vm: JsonObject) =>
      withValue(withValue(vm, 'properties.priority', 'Spot'), 'properties.evictionPolicy', policy);
    const kept = await withMachine(spot('Deallocate'));
    await clients(kept).compute.virtualMachines.simulateEviction('rg', 'vm');
    expect((await clients(kept).compute.virtualMachines.instanceView('rg', 'vm')).statuses?.at(-1)?.code).toBe('PowerState/deallocated');
    const gone = await withMachine(spot('Delete'));
    await clients(gone).compute.virtualMachines.simulateEviction('rg', 'vm');
    expect(gone.resource(VM)).toBeUndefined();
  });

  it('are tagged by a patch of the real client', async () => {
    const fake = await withMachine();
    expect(await clients(fake).compute.virtualMachines.update('rg', 'vm', { tags: { a: 'b' } }, FAST)).toMatchObject({ tags: { a: 'b' } });
    expect(at(fake.resource(VM), 'properties.hardwareProfile.vmSize')).toBe('Standard_D4s_v5');
  });

  it('have user-assigned identities, which must exist', async () => {
    const fake = fakeWithGroup();
    const identity: JsonObject = {
      type: 'Microsoft.ManagedIdentity/userAssignedIdentities',
      apiVersion: '2023-01-31',
      name: 'identity',
      location: 'eastus',
    };
    const id = `${GROUP}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/identity`;
    const vm = { ...machine, identity: { type: 'SystemAssigned, UserAssigned', userAssignedIdentities: { [id]: {} } } };
    const failed = await deploy(fake, template([...network, vm]));
    expect(stringAt(failed.json, 'properties.error.details.0.code')).toBe('FailedIdentityOperation');
    await deploy(fake, template([...network, identity, { ...vm, dependsOn: ['nic', 'identity'] }]));
    expect(at(fake.resource(VM), 'identity')).toMatchObject({
      principalId: expect.any(String) as string,
      userAssignedIdentities: { [id]: { principalId: at(fake.resource(id), 'properties.principalId') as string } },
    });
  });
});

describe('what a region offers, by the real client', () => {
  const regions = [
    { name: 'eastus', displayName: 'East US', withoutSkus: ['Standard_L8s_v3'] },
    { name: 'westus3', displayName: 'West US 3' },
  ];

  it('is its sizes, with what they can and where they can not be had', async () => {
    const fake = fakeWithGroup({ regions });
    const skus = await Array.fromAsync(clients(fake).compute.resourceSkus.list({ filter: "location eq 'eastus'" }));
    expect(skus.find(({ name }) => name === 'Standard_D4s_v5')).toMatchObject({
      family: 'standardDSv5Family',
      locations: ['eastus'],
      restrictions: [],
      capabilities: expect.arrayContaining([
        { name: 'vCPUs', value: '4' },
        { name: 'LowPriorityCapable', value: 'True' },
      ]) as object[],
    });
    expect(skus.find(({ name }) => name === 'Standard_L8s_v3')).toMatchObject({
      restrictions: [{ type: 'Location', reasonCode: 'NotAvailableForSubscription' }],
    });
    expect((await Array.fromAsync(clients(fake).compute.resourceSkus.list())).length).toBe(2 * skus.length);
  });

  it('is its quotas and how much of them is used; what is over is refused in the deployment, too', async () => {
    const fake = await withMachine(undefined, { regions, quota: { standardDSv5Family: 6 } });
    const usages = await Array.fromAsync(clients(fake).compute.usage.list('eastus'));
    const of = (name: string) =>
      usages.filter((usage) => usage.name.value === name).map(({ currentValue, limit }) => [currentValue, limit]);
    expect([...of('standardDSv5Family'), ...of('cores'), ...of('lowPriorityCores')]).toEqual([
      [4, 6],
      [4, 100],
      [0, 100],
    ]);
    const { body } = requestFor(withValue(machine, 'properties.networkProfile.networkInterfaces', [{ id: NIC }]));
    const response = await send(fake, 'PUT', `${VM}2?api-version=2024-11-01`, { body });
    expect([response.status, at(response.json, 'error.code')]).toEqual([409, 'OperationNotAllowed']);
    expect(at(response.json, 'error.message')).toContain(
      'Current Limit: 6, Current Usage: 4, Additional Required: 4, (Minimum) New Limit Required: 8',
    );
    expect(
      listAt((await send(fake, 'GET', `${GROUP}/providers/Microsoft.Compute/virtualMachines?api-version=2024-11-01`)).json, 'value'),
    ).toHaveLength(1);
  });
});
