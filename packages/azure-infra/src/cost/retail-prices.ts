import { InfraError } from '../errors.ts';
import type { Price, PriceQuery, PriceSource } from './price-source.ts';
import { pickRetailRow, retailFilter, retailPageSchema, type RetailRow } from './retail-answer.ts';

/** Sends a request; the global `fetch` is one. */
export type PriceFetch = (url: string, init: { readonly signal: AbortSignal }) => Promise<Response>;

/** Where and how prices are asked for. */
export interface RetailPricesOptions {
  /** Default: the public endpoint. */
  readonly baseUrl?: string;
  /** Default: the global `fetch`. */
  readonly fetch?: PriceFetch;
  /** Signal that ends one question; default: after {@link TIME_LIMIT_MS}. */
  readonly timeLimit?: () => AbortSignal;
  /** Default: the time of the machine. */
  readonly now?: () => Date;
}

/** A plan should not wait for an estimate; the service usually answers within one second. */
const TIME_LIMIT_MS = 5000;
/** A filter brings less than one page (1,000 rows) as a rule. */
const MAX_PAGES = 5;
/** A full page has about 0.7 MB. */
const MAX_PAGE_BYTES = 4 * 1024 * 1024;

/**
 * List prices from the Azure Retail Prices API, which needs no sign-in.
 *
 * https://learn.microsoft.com/rest/api/cost-management/retail-prices/azure-retail-prices
 */
export class RetailPrices implements PriceSource {
  readonly #baseUrl: string;
  readonly #fetch: PriceFetch;
  readonly #timeLimit: () => AbortSignal;
  readonly #now: () => Date;

  constructor(options: RetailPricesOptions = {}) {
    this.#baseUrl = options.baseUrl ?? 'https://prices.azure.com/api/retail/prices';
    this.#fetch = options.fetch ?? fetch;
    this.#timeLimit = options.timeLimit ?? (() => AbortSignal.timeout(TIME_LIMIT_MS));
    this.#now = options.now ?? (() => new Date());
  }

  async hourly(query: PriceQuery, signal: AbortSignal): Promise<Price | undefined> {
    const now = this.#now();
    const found = pickRetailRow(await this.#rows(retailFilter(query), signal), query, now);
    return found === undefined ? undefined : { ...found, origin: { kind: 'live', date: now.toISOString().slice(0, 10) } };
  }

  async #rows(filter: string, signal: AbortSignal): Promise<readonly RetailRow[]> {
    const limited = AbortSignal.any([signal, this.#timeLimit()]);
    const rows: RetailRow[] = [];
    try {
      let url: string | undefined = `${this.#baseUrl}?$filter=${encodeURIComponent(filter)}`;
      for (let page = 0; url !== undefined; page += 1) {
        if (page === MAX_PAGES) throw new Error(`the answer has more than ${MAX_PAGES} pages`);
        const { Items: items, NextPageLink: next } = retailPageSchema.parse(JSON.parse(await this.#read(url, limited)));
        rows.push(...items);
        url = this.#next(next);
      }
    } catch (cause) {
      signal.throwIfAborted();
      throw new InfraError('INFRA_PRICES_UNAVAILABLE', `could not get prices from ${this.#baseUrl}: ${reason(cause)}`, [], { cause });
    }
    return rows;
  }

  async #read(url: string, signal: AbortSignal): Promise<string> {
    const response = await this.#fetch(url, { signal });
    if (!response.ok) {
      await response.body?.cancel();
      throw new Error(`HTTP status ${response.status}`);
    }
    const body: AsyncIterable<Uint8Array> | null = response.body;
    if (body === null) return '';
    const chunks: Uint8Array[] = [];
    let size = 0;
    // Leaving the loop cancels the rest of the answer.
    for await (const chunk of body) {
      size += chunk.byteLength;
      if (size > MAX_PAGE_BYTES) throw new Error('the answer is too large');
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
  }

  /** A link leads on only within the service that was asked. */
  #next(link: string | null | undefined): string | undefined {
    if (link === null || link === undefined || link === '') return undefined;
    // The service names its default port in its links.
    if (new URL(link).origin !== new URL(this.#baseUrl).origin) throw new Error('the next page is on another host');
    return link;
  }
}

function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'no answer within the time limit';
  if (error.name === 'ZodError' || error.name === 'SyntaxError') return 'the answer is not a price list';
  // What fetch rejects with says only "fetch failed"; its cause says why.
  return error.cause instanceof Error ? error.cause.message : error.message;
}
