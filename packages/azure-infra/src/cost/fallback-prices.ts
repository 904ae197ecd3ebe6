import { InfraError } from '../errors.ts';
import type { Price, PriceQuery, PriceSource } from './price-source.ts';

/**
 * Prices from one source, and from another what the first does not know. When the first cannot be asked it is not asked again. Each
 * price says where it is from.
 */
export class FallbackPrices implements PriceSource {
  readonly #first: PriceSource;
  readonly #second: PriceSource;
  #failure: InfraError | undefined;

  constructor(first: PriceSource, second: PriceSource) {
    this.#first = first;
    this.#second = second;
  }

  /** Why the first source could not be asked. */
  get failure(): InfraError | undefined {
    return this.#failure;
  }

  async hourly(query: PriceQuery, signal: AbortSignal): Promise<Price | undefined> {
    return (await this.#ask(query, signal)) ?? (await this.#second.hourly(query, signal));
  }

  async #ask(query: PriceQuery, signal: AbortSignal): Promise<Price | undefined> {
    if (this.#failure !== undefined) return undefined;
    try {
      return await this.#first.hourly(query, signal);
    } catch (error) {
      if (!(error instanceof InfraError && error.code === 'INFRA_PRICES_UNAVAILABLE')) throw error;
      this.#failure = error;
      return undefined;
    }
  }
}
