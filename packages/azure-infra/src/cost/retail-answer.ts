import { z } from 'zod';
import { HOURS_PER_MONTH, type PriceQuery } from './price-source.ts';

/**
 * One page of the Azure Retail Prices API, reduced to what a choice needs.
 * Format: https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices#api-response-examples
 */
export const retailPageSchema = z.object({
  Items: z.array(
    z.object({
      currencyCode: z.string(),
      retailPrice: z.number().nonnegative(),
      armRegionName: z.string(),
      armSkuName: z.string().nullish(),
      productName: z.string(),
      skuName: z.string(),
      meterName: z.string(),
      unitOfMeasure: z.string(),
      type: z.string(),
      effectiveStartDate: z.string(),
      isPrimaryMeterRegion: z.boolean().nullish(),
    }),
  ),
  NextPageLink: z.string().nullish(),
});

/** One meter of the price list. */
export type RetailRow = z.infer<typeof retailPageSchema>['Items'][number];

/** The service's name for each kind of query; names and values are case-sensitive. */
const SERVICES = { vm: 'Virtual Machines', disk: 'Storage', publicIp: 'Virtual Network' } as const;

/** The only meter of a static address of the Standard SKU. */
const PUBLIC_IP_METER = 'Standard IPv4 Static Public IP';

/** OData filter that brings few rows beside the wanted one. */
export function retailFilter(query: PriceQuery): string {
  const terms = [
    ['serviceName', SERVICES[query.service]],
    ['armRegionName', query.location],
    ['priceType', 'Consumption'],
    query.service === 'vm' ? ['armSkuName', query.sku] : query.service === 'disk' ? ['skuName', query.sku] : ['meterName', PUBLIC_IP_METER],
  ];
  return terms.map(([field = '', value = '']) => `${field} eq '${value.replaceAll("'", "''")}'`).join(' and ');
}

/**
 * The row that prices what was asked for, with the price of one hour. The API knows no operating system and no Spot flag: both are words
 * in names. Of several rows the newest that is in force counts, that of the primary meter first.
 */
export function pickRetailRow(
  rows: readonly RetailRow[],
  query: PriceQuery,
  now: Date,
): { readonly hourly: number; readonly currency: string } | undefined {
  const start = (row: RetailRow): number => {
    const time = Date.parse(row.effectiveStartDate);
    return Number.isNaN(time) ? 0 : time;
  };
  const [row] = rows
    .filter((candidate) => isWanted(candidate, query) && start(candidate) <= now.getTime())
    .sort((a, b) => Number(b.isPrimaryMeterRegion ?? false) - Number(a.isPrimaryMeterRegion ?? false) || start(b) - start(a));
  if (row === undefined) return undefined;
  return { hourly: row.retailPrice / (query.service === 'disk' ? HOURS_PER_MONTH : 1), currency: row.currencyCode };
}

function isWanted(row: RetailRow, query: PriceQuery): boolean {
  if (row.type !== 'Consumption' || row.armRegionName !== query.location) return false;
  switch (query.service) {
    case 'vm':
      return (
        row.unitOfMeasure === '1 Hour' &&
        row.armSkuName === query.sku &&
        !/windows|cloud ?services/i.test(row.productName) &&
        !/low priority/i.test(row.skuName) &&
        /\bspot\b/i.test(row.skuName) === query.spot
      );
    case 'disk':
      // `E6 LRS Disk`; other meters of the same SKU count operations and mounts.
      return row.unitOfMeasure === '1/Month' && row.skuName === query.sku && /^\w+( [LZ]RS)? Disks?$/.test(row.meterName);
    case 'publicIp':
      return row.unitOfMeasure === '1 Hour' && row.meterName === PUBLIC_IP_METER;
  }
}
