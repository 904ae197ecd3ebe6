import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PriceQuery } from '../../src/cost/price-source.ts';
import { RetailPrices } from '../../src/cost/retail-prices.ts';
import { InfraError } from '../../src/errors.ts';
import { ADDRESS_ROW, DISK_ROW, PriceEndpoint, sendPage, VM_ROW } from './price-endpoint.ts';

const VM: PriceQuery = { service: 'vm', location: 'canadacentral', sku: 'Standard_D4s_v5', spot: false };
const DISK: PriceQuery = { service: 'disk', location: 'canadacentral', sku: 'E6 LRS' };
const ADDRESS: PriceQuery = { service: 'publicIp', location: 'canadacentral', sku: 'Standard' };
const never = new AbortController().signal;
const now = () => new Date('2026-11-28T12:00:00Z');

function ask(endpoint: PriceEndpoint, query: PriceQuery = VM) {
  return new RetailPrices({ baseUrl: endpoint.url, now }).hourly(query, never);
}

describe('RetailPrices', () => {
  it('asks for one size in one region, and says of when the price is', async () => {
    await using endpoint = await PriceEndpoint.withRows([VM_ROW]);
    expect(await ask(endpoint)).toEqual({ hourly: 0.214, currency: 'USD', origin: { kind: 'live', date: '2026-11-28' } });
    expect(endpoint.filters).toEqual([
      "serviceName eq 'Virtual Machines' and armRegionName eq 'canadacentral' and priceType eq 'Consumption' and armSkuName eq 'Standard_D4s_v5'",
    ]);
  });

  const others = [
    { ...VM_ROW, retailPrice: 0.398, productName: 'Virtual Machines Dsv5 Series Windows' },
    { ...VM_ROW, retailPrice: 0.0235, skuName: 'D4s v5 Spot', meterName: 'D4s v5 Spot' },
    { ...VM_ROW, retailPrice: 0.0856, skuName: 'D4s v5 Low Priority', meterName: 'D4s v5 Low Priority' },
    { ...VM_ROW, retailPrice: 1126, type: 'Reservation', reservationTerm: '1 Year' },
    { ...VM_ROW, retailPrice: 0.1, type: 'DevTestConsumption' },
    { ...VM_ROW, retailPrice: 0.9, productName: 'Dsv5 Series Cloud Services' },
    { ...VM_ROW, retailPrice: 0.05, armRegionName: 'westus3' },
    { ...VM_ROW, retailPrice: 0.07, armSkuName: 'Standard_D2s_v5' },
    { ...VM_ROW, retailPrice: 0.08, unitOfMeasure: '100 Hours' },
    { ...VM_ROW, retailPrice: 0.3, effectiveStartDate: '2027-01-01T00:00:00Z' },
    { ...VM_ROW, retailPrice: 0.25, effectiveStartDate: '2019-01-01T00:00:00Z' },
    { ...VM_ROW, retailPrice: 0.26, effectiveStartDate: '2024-01-01T00:00:00Z', isPrimaryMeterRegion: false },
  ];

  it('takes the Linux row that is paid by use and in force, wherever it stands', async () => {
    await using endpoint = await PriceEndpoint.withRows([...others.slice(0, 6), VM_ROW, ...others.slice(6)]);
    expect((await ask(endpoint))?.hourly).toBe(0.214);
  });

  it('takes the Spot row for Spot only', async () => {
    await using endpoint = await PriceEndpoint.withRows([VM_ROW, ...others]);
    expect((await ask(endpoint, { ...VM, spot: true }))?.hourly).toBe(0.0235);
  });

  it('takes the disk and not its operations, by the hour', async () => {
    const operations = { ...DISK_ROW, retailPrice: 0.0022, meterName: 'E6 LRS Disk Operations', unitOfMeasure: '10K' };
    const provisioned = { ...DISK_ROW, retailPrice: 0.0001, unitOfMeasure: '1 GiB/Hour' };
    const mount = { ...DISK_ROW, retailPrice: 0.27, meterName: 'E6 LRS Disk Mount' };
    await using endpoint = await PriceEndpoint.withRows([
      operations,
      provisioned,
      mount,
      DISK_ROW,
      { ...DISK_ROW, skuName: 'E6 ZRS', meterName: 'E6 ZRS Disk' },
    ]);
    expect((await ask(endpoint, DISK))?.hourly).toBeCloseTo(5.28 / 730, 12);
    expect(endpoint.filters[0]).toContain("skuName eq 'E6 LRS'");
  });

  it('takes the static address of the Standard SKU', async () => {
    const basic = { ...ADDRESS_ROW, retailPrice: 0.0036, meterName: 'Basic IPv4 Static Public IP' };
    await using endpoint = await PriceEndpoint.withRows([basic, ADDRESS_ROW]);
    expect((await ask(endpoint, ADDRESS))?.hourly).toBe(0.005);
  });

  it('knows no price of what is not sold', async () => {
    await using endpoint = await PriceEndpoint.withRows([]);
    expect(await ask(endpoint, { ...VM, sku: "Standard_O'Hara" })).toBeUndefined();
    expect(endpoint.filters[0]).toContain("armSkuName eq 'Standard_O''Hara'");
  });

  it('follows the pages', async () => {
    await using endpoint = await PriceEndpoint.open((url, response) => {
      const skip = Number(url.searchParams.get('$skip') ?? 0);
      const next = new URL(url);
      next.searchParams.set('$skip', String(skip + 1));
      sendPage(response, skip === 3 ? [VM_ROW] : [others[0]!], skip === 3 ? null : next.href);
    });
    expect((await ask(endpoint))?.hourly).toBe(0.214);
    expect(endpoint.filters).toHaveLength(4);
  });

  it('gives up on pages without an end', async () => {
    await using endpoint = await PriceEndpoint.open((url, response) => sendPage(response, [], url.href));
    await expect(ask(endpoint)).rejects.toThrow('more than 5 pages');
    expect(endpoint.filters).toHaveLength(5);
  });

  it('follows no link to another host', async () => {
    await using other = await PriceEndpoint.withRows([VM_ROW]);
    await using endpoint = await PriceEndpoint.open((_url, response) => sendPage(response, [], other.url));
    await expect(ask(endpoint)).rejects.toThrow('another host');
    expect(other.filters).toEqual([]);
  });

  it.each([
    ['no JSON', '<html>maintenance</html>', 'not a price list'],
    ['other JSON', '{"Items": [{"retailPrice": "cheap"}]}', 'not a price list'],
    ['nothing', '', 'not a price list'],
    ['a negative price', JSON.stringify({ Items: [{ ...VM_ROW, retailPrice: -1 }] }), 'not a price list'],
    ['too much', `"${'x'.repeat(5 * 1024 * 1024)}"`, 'too large'],
  ])('says that the answer is unusable: %s', async (_name, body, message) => {
    await using endpoint = await PriceEndpoint.open((_url, response) => response.end(body));
    await expect(ask(endpoint)).rejects.toMatchObject({
      code: 'INFRA_PRICES_UNAVAILABLE',
      message: expect.stringContaining(message) as string,
    });
  });

  it('says the status of a refusal', async () => {
    await using endpoint = await PriceEndpoint.open((_url, response) => response.writeHead(429).end('slow down'));
    await expect(ask(endpoint)).rejects.toMatchObject({
      code: 'INFRA_PRICES_UNAVAILABLE',
      message: expect.stringContaining('429') as string,
    });
  });

  it('says why there is no connection', async () => {
    const endpoint = await PriceEndpoint.withRows([]);
    const { url } = endpoint;
    await endpoint[Symbol.asyncDispose]();
    await expect(new RetailPrices({ baseUrl: url }).hourly(VM, never)).rejects.toMatchObject({
      code: 'INFRA_PRICES_UNAVAILABLE',
      message: expect.stringContaining('ECONNREFUSED') as string,
    });
  });

  it('ends a slow question at its time limit', async () => {
    const limit = new AbortController();
    await using endpoint = await PriceEndpoint.open(() => limit.abort(new DOMException('time is up', 'TimeoutError')));
    const prices = new RetailPrices({ baseUrl: endpoint.url, timeLimit: () => limit.signal });
    await expect(prices.hourly(VM, never)).rejects.toMatchObject({
      code: 'INFRA_PRICES_UNAVAILABLE',
      message: expect.stringContaining('no answer within the time limit') as string,
    });
  });

  it('ends an answer that trickles at its time limit', async () => {
    const limit = new AbortController();
    await using endpoint = await PriceEndpoint.open((_url, response) => {
      response.write('{"Items": [', () => limit.abort(new DOMException('time is up', 'TimeoutError')));
    });
    const prices = new RetailPrices({ baseUrl: endpoint.url, timeLimit: () => limit.signal });
    await expect(prices.hourly(VM, never)).rejects.toThrow('no answer within the time limit');
  });

  it('can be aborted, which is no fault of the prices', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    await using endpoint = await PriceEndpoint.open(() => controller.abort(reason));
    await expect(new RetailPrices({ baseUrl: endpoint.url }).hourly(VM, controller.signal)).rejects.toBe(reason);
  });

  it('makes of any answer a price, none, or a fault of its own', async () => {
    const field = <T>(value: T) => fc.oneof({ weight: 6, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: fc.jsonValue() });
    const row = fc.record(Object.fromEntries(Object.entries(VM_ROW).map(([name, value]) => [name, field<unknown>(value)])), {
      requiredKeys: [],
    });
    const page = fc.record({ Items: field<unknown>([]), NextPageLink: field<unknown>(null) }, { requiredKeys: [] });
    const rows = fc.record({ Items: fc.array(row, { maxLength: 3 }), NextPageLink: fc.constant(null) });
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.jsonValue(), page, rows), async (answer) => {
        const prices = new RetailPrices({ baseUrl: 'http://prices.invalid/', fetch: () => Promise.resolve(Response.json(answer)), now });
        try {
          const price = await prices.hourly(VM, never);
          if (price !== undefined) expect(price.hourly).toBeGreaterThanOrEqual(0);
        } catch (error) {
          expect(error).toBeInstanceOf(InfraError);
          expect(error).toHaveProperty('code', 'INFRA_PRICES_UNAVAILABLE');
        }
      }),
      { numRuns: 500 },
    );
  });
});
