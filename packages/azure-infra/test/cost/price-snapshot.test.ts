import { describe, expect, it } from 'vitest';
import { diskTier } from '../../src/cost/disk-tier.ts';
import { FallbackPrices } from '../../src/cost/fallback-prices.ts';
import { PriceSnapshot } from '../../src/cost/price-snapshot.ts';
import type { PriceQuery, PriceSource } from '../../src/cost/price-source.ts';
import { RetailPrices } from '../../src/cost/retail-prices.ts';
import { REGION_RATES } from '../../src/cost/snapshot-rates.ts';
import { PriceEndpoint, VM_ROW } from './price-endpoint.ts';

const never = new AbortController().signal;
const snapshot = new PriceSnapshot();

function vm(location: string, sku: string, spot = false): PriceQuery {
  return { service: 'vm', location, sku, spot };
}

describe('PriceSnapshot', () => {
  it.each([
    ['canadacentral', 'Standard_D4s_v5', 0.214],
    ['canadacentral', 'Standard_L8s_v3', 0.768],
    ['eastus', 'Standard_D4s_v5', 0.192],
    ['eastus', 'Standard_L16s_v3', 1.392],
    ['westus3', 'Standard_D8s_v5', 0.384],
    ['westus3', 'Standard_L8s_v3', 0.698],
    ['westeurope', 'Standard_D4s_v5', 0.23],
    ['westeurope', 'Standard_L8as_v3', 0.744],
    ['northeurope', 'Standard_D16s_v5', 0.856],
  ])('has %s %s', async (location, sku, hourly) => {
    const price = await snapshot.hourly(vm(location, sku), never);
    expect(price?.hourly).toBeCloseTo(hourly, 6);
    expect(price?.currency).toBe('USD');
    expect(price?.origin).toEqual({ kind: 'snapshot', date: REGION_RATES[location]!.vm.asOf });
  });

  it.each([
    vm('canadacentral', 'Standard_D4s_v6'),
    vm('canadacentral', 'Standard_D5s_v5'),
    vm('canadacentral', 'Standard_E96-24s_v5'),
    vm('northeurope', 'Standard_L8s_v3'),
    vm('marsnorth', 'Standard_D4s_v5'),
    vm('toString', 'Standard_D4s_v5'),
    { service: 'disk', location: 'canadacentral', sku: 'E6 ZRS' } as const,
    { service: 'disk', location: 'northeurope', sku: 'E6 LRS' } as const,
    { service: 'publicIp', location: 'marsnorth', sku: 'Standard' } as const,
  ])('says nothing of what it does not know: %j', async (query) => {
    expect(await snapshot.hourly(query, never)).toBeUndefined();
  });

  it('marks the price of a regular VM as the most that Spot costs', async () => {
    expect(await snapshot.hourly(vm('canadacentral', 'Standard_D4s_v5', true), never)).toMatchObject({ hourly: 0.214, ceiling: true });
  });

  it('has disks and addresses by the hour', async () => {
    expect((await snapshot.hourly({ service: 'disk', location: 'canadacentral', sku: 'E6 LRS' }, never))?.hourly).toBeCloseTo(
      5.28 / 730,
      9,
    );
    expect((await snapshot.hourly({ service: 'publicIp', location: 'westus3', sku: 'Standard' }, never))?.hourly).toBe(0.005);
  });
});

describe('diskTier', () => {
  it.each([
    ['StandardSSD_LRS', 64, 'E6 LRS'],
    ['StandardSSD_LRS', 65, 'E10 LRS'],
    ['StandardSSD_LRS', 30, 'E4 LRS'],
    ['Premium_ZRS', 1, 'P1 ZRS'],
    ['Standard_LRS', 1, 'S4 LRS'],
    ['Premium_LRS', 32_767, 'P80 LRS'],
    ['Premium_LRS', 32_768, undefined],
    ['UltraSSD_LRS', 64, undefined],
  ])('%s of %i GiB is %s', (type, gib, tier) => {
    expect(diskTier(type, gib)).toBe(tier);
  });
});

describe('FallbackPrices', () => {
  const query = vm('canadacentral', 'Standard_D4s_v5');

  it('prefers the first source', async () => {
    await using endpoint = await PriceEndpoint.withRows([{ ...VM_ROW, retailPrice: 0.3 }]);
    const prices = new FallbackPrices(new RetailPrices({ baseUrl: endpoint.url }), snapshot);
    expect(await prices.hourly(query, never)).toMatchObject({ hourly: 0.3, origin: { kind: 'live' } });
    expect(prices.failure).toBeUndefined();
  });

  it('asks the second for what the first does not know', async () => {
    await using endpoint = await PriceEndpoint.withRows([]);
    const prices = new FallbackPrices(new RetailPrices({ baseUrl: endpoint.url }), snapshot);
    expect(await prices.hourly(query, never)).toMatchObject({ hourly: 0.214, origin: { kind: 'snapshot' } });
    expect(prices.failure).toBeUndefined();
  });

  it('asks the second without a network, says why, and does not try again', async () => {
    await using endpoint = await PriceEndpoint.open((_url, response) => response.writeHead(503).end());
    const prices = new FallbackPrices(new RetailPrices({ baseUrl: endpoint.url }), snapshot);
    expect(await prices.hourly(query, never)).toMatchObject({ hourly: 0.214, origin: { kind: 'snapshot', date: '2025' } });
    expect(prices.failure?.message).toContain('503');
    await prices.hourly(query, never);
    expect(endpoint.filters).toHaveLength(1);
  });

  it('takes no other fault for a missing network', async () => {
    const broken: PriceSource = { hourly: () => Promise.reject(new TypeError('a bug')) };
    await expect(new FallbackPrices(broken, snapshot).hourly(query, never)).rejects.toThrow('a bug');
  });

  it('ends when it is aborted', async () => {
    const controller = new AbortController();
    await using endpoint = await PriceEndpoint.open(() => controller.abort(new Error('enough')));
    const prices = new FallbackPrices(new RetailPrices({ baseUrl: endpoint.url }), snapshot);
    await expect(prices.hourly(query, controller.signal)).rejects.toThrow('enough');
    await expect(snapshot.hourly(query, controller.signal)).rejects.toThrow('enough');
  });
});
