import { DEFAULT_REGIONS, DEFAULT_SKUS } from './arm/catalog.ts';
import type { HttpHandler, HttpResponse } from './http.ts';

/** Dollars for an hour of one core. Round, so that nobody takes them for Azure's. */
const CORE_HOUR = 0.05;
const SPOT_CORE_HOUR = 0.01;
/** Dollars for an hour of a static public IPv4 address. */
const ADDRESS_HOUR = 0.005;
/** Dollars for a month of 1 GiB of a disk, by the letter of its price step. */
const DISK_GIB_MONTH: Readonly<Record<string, number>> = { E: 0.1, P: 0.2, S: 0.05 };
/** GiB of each price step. https://learn.microsoft.com/azure/virtual-machines/disks-types */
const DISK_STEPS: Readonly<Record<string, number>> = { 4: 32, 6: 64, 10: 128, 15: 256, 20: 512, 30: 1024 };

type Row = Readonly<Record<string, string | number | boolean>>;

/**
 * The price list of Azure, with round prices for the sizes and regions that the double of Resource Manager offers.
 *
 * https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices ; of `$filter` it knows `eq` and `and`.
 */
export function retailPricesEndpoint(): HttpHandler {
  const rows = DEFAULT_REGIONS.flatMap(({ name }) => [...machineRows(name), ...diskRows(name), addressRow(name)]);
  return ({ url }) => {
    const filter = parseFilter(new URL(url).searchParams.get('$filter') ?? '');
    if (filter === undefined) {
      return respond(400, { Error: { Code: 'BadRequest', Message: 'Invalid OData parameters supplied: only eq and and are known.' } });
    }
    const found = rows.filter((row) => filter.every(([field, value]) => row[field] === value));
    return respond(200, {
      BillingCurrency: 'USD',
      CustomerEntityId: 'Default',
      CustomerEntityType: 'Retail',
      Items: found,
      NextPageLink: null,
      Count: found.length,
    });
  };
}

/** The fields and values that all have to be equal; undefined when it says something else. */
function parseFilter(filter: string): readonly (readonly [field: string, value: string])[] | undefined {
  const terms: [string, string][] = [];
  let rest = filter.trim();
  while (rest !== '') {
    const [whole, field, value] = /^(\w+) eq '((?:[^']|'')*)'(?: and (?=\w)|$)/.exec(rest) ?? [];
    if (whole === undefined || field === undefined || value === undefined) return undefined;
    // The filter has a name of its own for the field.
    terms.push([field === 'priceType' ? 'type' : field, value.replaceAll("''", "'")]);
    rest = rest.slice(whole.length);
  }
  return terms;
}

function machineRows(region: string): Row[] {
  return DEFAULT_SKUS.flatMap(({ name, cores, spot }) => {
    const size = name.replace('Standard_', '').replace('_', ' ');
    const machine = { armSkuName: name, productName: 'Virtual Machines', serviceName: 'Virtual Machines', unitOfMeasure: '1 Hour' };
    const regular = row(region, cores * CORE_HOUR, { ...machine, skuName: size, meterName: size });
    const spotName = `${size} Spot`;
    return spot ? [regular, row(region, cores * SPOT_CORE_HOUR, { ...machine, skuName: spotName, meterName: spotName })] : [regular];
  });
}

function diskRows(region: string): Row[] {
  return Object.entries(DISK_GIB_MONTH).flatMap(([letter, gibMonth]) =>
    Object.entries(DISK_STEPS).map(([step, gib]) => {
      const skuName = `${letter}${step} LRS`;
      const disk = { armSkuName: '', productName: 'Managed Disks', serviceName: 'Storage', unitOfMeasure: '1/Month' };
      return row(region, gib * gibMonth, { ...disk, skuName, meterName: `${skuName} Disk` });
    }),
  );
}

function addressRow(region: string): Row {
  return row(region, ADDRESS_HOUR, {
    armSkuName: '',
    productName: 'IP Addresses',
    serviceName: 'Virtual Network',
    unitOfMeasure: '1 Hour',
    skuName: 'Standard',
    meterName: 'Standard IPv4 Static Public IP',
  });
}

function row(region: string, price: number, names: Row): Row {
  return {
    currencyCode: 'USD',
    tierMinimumUnits: 0,
    retailPrice: price,
    unitPrice: price,
    armRegionName: region,
    effectiveStartDate: '2020-01-01T00:00:00Z',
    type: 'Consumption',
    isPrimaryMeterRegion: true,
    ...names,
  };
}

function respond(status: number, body: object): Promise<HttpResponse> {
  return Promise.resolve({ status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
}
