import { describe, expect, it } from 'vitest';
import { RetailPrices } from '../../src/cost/retail-prices.ts';
import { retailPricesEndpoint } from '../../src/testing/retail-prices-endpoint.ts';

const endpoint = retailPricesEndpoint();
const request = { method: 'GET', headers: {}, body: '' };
const prices = new RetailPrices({
  fetch: async (url) => {
    const { status, body } = await endpoint({ ...request, url });
    return new Response(body, { status });
  },
});
const hourly = async (query: Parameters<RetailPrices['hourly']>[0]): Promise<number | undefined> =>
  (await prices.hourly(query, AbortSignal.timeout(60_000)))?.hourly;

describe('retail prices endpoint', () => {
  it('prices machines, disks and addresses for the real client', async () => {
    const location = 'canadacentral';
    expect(await hourly({ service: 'vm', location, sku: 'Standard_D4s_v5', spot: false })).toBeCloseTo(0.2, 9);
    expect(await hourly({ service: 'vm', location, sku: 'Standard_D4s_v5', spot: true })).toBeCloseTo(0.04, 9);
    expect(await hourly({ service: 'disk', location, sku: 'E6 LRS' })).toBeCloseTo(6.4 / 730, 9);
    expect(await hourly({ service: 'publicIp', location, sku: 'Standard' })).toBeCloseTo(0.005, 9);
  });

  it('has no price for what is not offered', async () => {
    expect(await hourly({ service: 'vm', location: 'atlantis', sku: 'Standard_D4s_v5', spot: false })).toBeUndefined();
    expect(await hourly({ service: 'vm', location: 'westus3', sku: "Standard_O'Hara", spot: false })).toBeUndefined();
    expect(await hourly({ service: 'vm', location: 'westus3', sku: 'Standard_B2s', spot: true })).toBeUndefined();
  });

  it.each(["armRegionName ne 'westus3'", "armRegionName eq 'westus3' or x eq 'y'", "a eq 'b' and ", "a eq 'b'c"])(
    'refuses the filter %s',
    async (filter) => expect((await endpoint({ ...request, url: `https://h/?$filter=${encodeURIComponent(filter)}` })).status).toBe(400),
  );
});
