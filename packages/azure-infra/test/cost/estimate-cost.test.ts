import { describe, expect, it } from 'vitest';
import { costSoFar } from '../../src/cost/cost-so-far.ts';
import { estimateCost } from '../../src/cost/estimate-cost.ts';
import { PriceSnapshot } from '../../src/cost/price-snapshot.ts';
import type { Price, PriceSource } from '../../src/cost/price-source.ts';
import { trainingEnvironment } from '../../src/environment/training-environment.ts';
import { settings } from '../preflight/planned.ts';

const never = new AbortController().signal;
const snapshot = new PriceSnapshot();

function resources(change: Parameters<typeof settings>[0] = {}) {
  return trainingEnvironment(settings(change), {
    subscriptionId: 'b1a6bd65-2f0c-4b3a-9c43-4dfb1b3a2c11',
    caller: { objectId: '11059fcc-5514-4800-b5f8-49808b9cfab6', type: 'User' },
    sshPublicKey: 'ssh-ed25519 AAAA',
    sshSources: ['203.0.113.7/32'],
    customData: '',
    ownsGroup: true,
  }).resources;
}

describe('estimateCost', () => {
  it('sums VM, disk and address of an environment, and says what is not in it', async () => {
    const estimate = await estimateCost(resources(), snapshot, never);
    expect(estimate.lines).toEqual([
      { resource: 'warpforge-vm-ip', description: 'public IP address', hourly: 0.005, note: undefined },
      { resource: 'warpforge-vm', description: 'VM Standard_D4s_v5', hourly: 0.214, note: undefined },
      { resource: 'warpforge-vm', description: 'OS disk StandardSSD_LRS 64 GiB', hourly: 5.28 / 730, note: undefined },
    ]);
    expect(estimate.hourly).toBeCloseTo(0.214 + 0.005 + 5.28 / 730, 9);
    expect(estimate.monthly).toBeCloseTo(estimate.hourly * 730, 9);
    expect(estimate).toMatchObject({ currency: 'USD', source: { kind: 'snapshot', date: '2025' }, missing: [] });
    expect(estimate.notIncluded).toContain('egress');
  });

  it('marks Spot', async () => {
    const spot = resources({ spot: true });
    expect((await estimateCost(spot, snapshot, never)).lines[1]).toMatchObject({
      description: 'VM Standard_D4s_v5 (Spot)',
      hourly: 0.214,
      note: 'price of a regular VM; Spot costs less, and varies',
    });
    const live: PriceSource = {
      hourly: () => Promise.resolve<Price>({ hourly: 0.03, currency: 'USD', origin: { kind: 'live', date: '2026-11-28' } }),
    };
    const estimate = await estimateCost(spot, live, never);
    expect(estimate.lines[1]).toMatchObject({ hourly: 0.03, note: 'Spot price, which varies' });
    expect(estimate.source).toEqual({ kind: 'live', date: '2026-11-28' });
  });

  it('names what has no price, and is called by the oldest date', async () => {
    const estimate = await estimateCost(resources({ size: 'Standard_ND96isr_H100_v5', location: 'northeurope' }), snapshot, never);
    expect(estimate.missing).toEqual([
      'no price for VM Standard_ND96isr_H100_v5 in northeurope',
      'no price for OS disk StandardSSD_LRS 64 GiB in northeurope',
    ]);
    expect(estimate.hourly).toBe(0.005);
    expect((await estimateCost(resources({ location: 'westeurope' }), snapshot, never)).source?.date).toBe('2023-12');
  });

  it('is called a snapshot as soon as one price is', async () => {
    const mixed: PriceSource = {
      hourly: (query, signal) =>
        query.service === 'vm'
          ? Promise.resolve<Price>({ hourly: 0.3, currency: 'USD', origin: { kind: 'live', date: '2026-11-28' } })
          : snapshot.hourly(query, signal),
    };
    expect((await estimateCost(resources(), mixed, never)).source).toEqual({ kind: 'snapshot', date: '2025' });
  });

  it('does not take an unknown type for free', async () => {
    const gateway = { type: 'Microsoft.Network/natGateways', name: 'gateway', location: 'eastus' };
    const basic = { type: 'Microsoft.Network/publicIPAddresses', name: 'ip', location: 'eastus', sku: { name: 'Basic' } };
    const estimate = await estimateCost([gateway, basic], snapshot, never);
    expect(estimate.missing).toEqual(['no price for Microsoft.Network/natGateways', 'no price for public IP address']);
    expect(estimate.source).toBeUndefined();
  });

  it('reads a VM as Resource Manager returns it, with data disks and without a paid ephemeral one', async () => {
    const vm = {
      type: 'microsoft.compute/virtualMachines',
      name: 'vm',
      location: 'eastus',
      properties: {
        hardwareProfile: { vmSize: 'Standard_L8s_v3' },
        storageProfile: {
          osDisk: { diskSizeGB: 64, diffDiskSettings: { option: 'Local' }, managedDisk: { storageAccountType: 'Standard_LRS' } },
          dataDisks: [{ diskSizeGB: 1000, managedDisk: { storageAccountType: 'Premium_LRS' } }, { managedDisk: {} }],
        },
      },
    };
    const estimate = await estimateCost([vm], snapshot, never);
    expect(estimate.lines.map(({ description }) => description)).toEqual([
      'VM Standard_L8s_v3',
      'data disk 1 Premium_LRS 1000 GiB',
      'data disk 2 32 GiB',
    ]);
    expect(estimate.hourly).toBeCloseTo(0.696 + 135.17 / 730, 9);
    expect(estimate.missing).toEqual(['no price for data disk 2 32 GiB']);
  });
});

describe('costSoFar', () => {
  const times = { createdAt: new Date('2026-11-27T12:00:00Z'), now: new Date('2026-11-28T12:00:00Z') };

  it('takes the present state for the whole time, and says so', async () => {
    const cost = await costSoFar({ resources: resources(), ...times, powerState: 'running' }, snapshot, never);
    expect(cost).toMatchObject({ estimate: true, hours: 24, assumptions: ['the VM has run all the time'] });
    expect(cost.amount).toBeCloseTo(24 * (0.219 + 5.28 / 730), 9);
  });

  it('does not count the cores of a deallocated VM, but its disk and address', async () => {
    const cost = await costSoFar({ resources: resources(), ...times, powerState: 'deallocated' }, snapshot, never);
    expect(cost.amount).toBeCloseTo(24 * (0.005 + 5.28 / 730), 9);
    expect(cost.assumptions[0]).toContain('deallocated');
    // A VM that is stopped from within keeps its cores.
    const stopped = await costSoFar({ resources: resources(), ...times, powerState: 'stopped' }, snapshot, never);
    expect(stopped.amount).toBeGreaterThan(24 * 0.2);
  });

  it('is nothing for an environment of the future', async () => {
    const cost = await costSoFar({ resources: [], createdAt: times.now, now: times.createdAt, powerState: undefined }, snapshot, never);
    expect(cost).toMatchObject({ amount: 0, hours: 0, assumptions: ['no VM is counted'] });
  });
});
