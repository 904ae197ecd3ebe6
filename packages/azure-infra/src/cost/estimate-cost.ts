import { costItems, type CostItem, type PricedResource } from './cost-items.ts';
import { HOURS_PER_MONTH, type Price, type PriceOrigin, type PriceSource } from './price-source.ts';

/** What one thing costs. */
export interface CostLine {
  /** Name of the resource that it belongs to. */
  readonly resource: string;
  readonly description: string;
  /** Undefined when there is no price. */
  readonly hourly: number | undefined;
  readonly note: string | undefined;
}

/** What an environment costs while it runs, by list prices. */
export interface CostEstimate {
  readonly lines: readonly CostLine[];
  /** Sum of the lines that have a price. */
  readonly hourly: number;
  /** For 730 hours. */
  readonly monthly: number;
  /** ISO 4217. */
  readonly currency: string;
  /** Live only when all prices are; the date is that of the oldest. Undefined when nothing has a price. */
  readonly source: PriceOrigin | undefined;
  /** What has no price: `no price for VM Standard_X in eastus`. */
  readonly missing: readonly string[];
  /** What depends on use. */
  readonly notIncluded: readonly string[];
}

/** What is paid by use in every environment, and in no estimate. */
const PAID_BY_USE = ['storage by the GB', 'operations', 'egress'];

/** The currency that Azure sets its prices in. */
const LIST_CURRENCY = 'USD';

/**
 * What the resources cost by the hour and by the month.
 *
 * @throws {InfraError} `INFRA_PRICES_UNAVAILABLE` when the prices could not be asked.
 */
export function estimateCost(resources: readonly PricedResource[], prices: PriceSource, signal: AbortSignal): Promise<CostEstimate> {
  return estimateItems(costItems(resources), prices, signal);
}

/** As {@link estimateCost}, of things already named. */
export async function estimateItems(items: readonly CostItem[], prices: PriceSource, signal: AbortSignal): Promise<CostEstimate> {
  const priced = await Promise.all(
    items.map(async (item) => ({ item, price: item.query === undefined ? undefined : await prices.hourly(item.query, signal) })),
  );
  const known = priced.flatMap(({ price }) => price ?? []);
  const hourly = known.reduce((sum, price) => sum + price.hourly, 0);
  return {
    lines: priced.map(({ item, price }) => lineOf(item, price)),
    hourly,
    monthly: hourly * HOURS_PER_MONTH,
    currency: known[0]?.currency ?? LIST_CURRENCY,
    source: originOf(known),
    missing: priced.flatMap(({ item, price }) => (price === undefined ? [missingText(item)] : [])),
    notIncluded: PAID_BY_USE,
  };
}

function lineOf({ resource, description, query }: CostItem, price: Price | undefined): CostLine {
  return { resource, description, hourly: price?.hourly, note: noteOf(query?.service === 'vm' && query.spot, price) };
}

function noteOf(spot: boolean, price: Price | undefined): string | undefined {
  if (price === undefined) return 'no price';
  if (price.ceiling === true) return 'price of a regular VM; Spot costs less, and varies';
  return spot ? 'Spot price, which varies' : undefined;
}

function missingText({ description, query }: CostItem): string {
  return query === undefined ? `no price for ${description}` : `no price for ${description} in ${query.location}`;
}

function originOf(prices: readonly Price[]): PriceOrigin | undefined {
  const origins = prices.map(({ origin }) => origin);
  const date = origins
    .map((origin) => origin.date)
    .reduce<string | undefined>((oldest, next) => (oldest === undefined || next < oldest ? next : oldest), undefined);
  if (date === undefined) return undefined;
  return { kind: origins.every(({ kind }) => kind === 'live') ? 'live' : 'snapshot', date };
}
