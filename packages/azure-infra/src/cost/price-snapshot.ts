import { HOURS_PER_MONTH, type Price, type PriceQuery, type PriceSource } from './price-source.ts';
import { PUBLIC_IP_RATE, REGION_RATES, SERIES_CORES } from './snapshot-rates.ts';

/**
 * The prices that come with this package, for the common regions and sizes: approximate, dated, in US dollars. A Spot VM is priced as a
 * regular one, which is the most that it can cost.
 */
export class PriceSnapshot implements PriceSource {
  hourly(query: PriceQuery, signal: AbortSignal): Promise<Price | undefined> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    return Promise.resolve(lookUp(query));
  }
}

function lookUp(query: PriceQuery): Price | undefined {
  const region = new Map(Object.entries(REGION_RATES)).get(query.location);
  switch (query.service) {
    case 'vm': {
      const hourly = region === undefined ? undefined : vmRate(query.sku, region.vm.perCore);
      const price = priceOf(hourly, region?.vm.asOf);
      return price === undefined || !query.spot ? price : { ...price, ceiling: true };
    }
    case 'disk': {
      const [tier = '', redundancy] = query.sku.split(' ');
      const monthly = redundancy === 'LRS' ? new Map(Object.entries(region?.disks?.monthly ?? {})).get(tier) : undefined;
      return priceOf(monthly === undefined ? undefined : monthly / HOURS_PER_MONTH, region?.disks?.asOf);
    }
    case 'publicIp':
      return region === undefined ? undefined : priceOf(PUBLIC_IP_RATE.hourly, PUBLIC_IP_RATE.asOf);
  }
}

function priceOf(hourly: number | undefined, asOf: string | undefined): Price | undefined {
  if (hourly === undefined || asOf === undefined) return undefined;
  return { hourly, currency: 'USD', origin: { kind: 'snapshot', date: asOf } };
}

/** `Standard_D4s_v5` is the size of series `D_s_v5` with four cores. */
function vmRate(size: string, perCore: Readonly<Record<string, number>>): number | undefined {
  const [, family = '', cores = '', rest = ''] = /^Standard_([A-Z]+)(\d+)([a-z]*_v\d+)$/.exec(size) ?? [];
  const series = `${family}_${rest}`;
  const rate = new Map(Object.entries(perCore)).get(series);
  const exists = new Map(Object.entries(SERIES_CORES)).get(series)?.includes(Number(cores));
  return rate === undefined || exists !== true ? undefined : rate * Number(cores);
}
