import type { FallbackPrices, PriceSource } from '@warpforge/azure-infra';

/** The local stand-in for Azure, and networks that reach the price list through a proxy of their own, set another endpoint. */
const ENDPOINT_VARIABLE = 'AZURE_RETAIL_PRICES_ENDPOINT';

/** Prices of today, and where they cannot be asked for those that came with the program. */
export async function openPrices(): Promise<FallbackPrices> {
  const { FallbackPrices: Fallback, PriceSnapshot, RetailPrices } = await import('@warpforge/azure-infra');
  const baseUrl = process.env[ENDPOINT_VARIABLE];
  const live = new RetailPrices(baseUrl === undefined || baseUrl === '' ? {} : { baseUrl });
  return new Fallback(live, new PriceSnapshot());
}

/** Prices that came with the program; nothing is asked. */
export async function offlinePrices(): Promise<PriceSource> {
  const { PriceSnapshot } = await import('@warpforge/azure-infra');
  return new PriceSnapshot();
}
