/** What a price is asked for. Locations are Azure's short names of regions. */
export type PriceQuery =
  /** A Linux VM by its size, such as `Standard_D4s_v5`. */
  | { readonly service: 'vm'; readonly location: string; readonly sku: string; readonly spot: boolean }
  /** A managed disk by its price step and redundancy, such as `E6 LRS`. */
  | { readonly service: 'disk'; readonly location: string; readonly sku: string }
  /** A public IPv4 address. */
  | { readonly service: 'publicIp'; readonly location: string; readonly sku: 'Standard' };

/** Where a price comes from. */
export interface PriceOrigin {
  /** Asked just now, or kept in this package. */
  readonly kind: 'live' | 'snapshot';
  /** The day of the price, as precisely as it is known: `2026-09-16`, `2026-09` or `2026`. */
  readonly date: string;
}

/** A list price, before any discount of the subscription. */
export interface Price {
  /** For one hour of one unit; what is sold by the month is divided by {@link HOURS_PER_MONTH}. */
  readonly hourly: number;
  /** ISO 4217. */
  readonly currency: string;
  readonly origin: PriceOrigin;
  /** The true price varies, and is this at most. */
  readonly ceiling?: true;
}

/** Tells list prices. */
export interface PriceSource {
  /**
   * Undefined when there is no such price.
   *
   * @throws {InfraError} `INFRA_PRICES_UNAVAILABLE` when it could not be asked.
   */
  hourly(query: PriceQuery, signal: AbortSignal): Promise<Price | undefined>;
}

/** Hours of a month as Azure's own calculator counts them: 365 × 24 / 12. */
export const HOURS_PER_MONTH = 730;
