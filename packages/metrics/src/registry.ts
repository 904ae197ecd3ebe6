import { collectDefaultMetrics, Counter as PromCounter, Gauge as PromGauge, Histogram as PromHistogram, Registry } from 'prom-client';

/** One value for each label; a missing or an unknown label does not compile. */
export type Labels<Name extends string> = Readonly<Record<Name, string>>;

/** What every metric has: a Prometheus name, one sentence of help, and the names of its labels (default: none). */
export interface MetricOptions<Name extends string> {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly Name[];
}

/** A total that only grows. */
export interface Counter<Name extends string> {
  /** Adds `amount` (default 1, never negative) to the series of these labels. */
  add(labels: Labels<Name>, amount?: number): void;
}

/** A distribution of values, in seconds or bytes as its name says. */
export interface Histogram<Name extends string> {
  observe(labels: Labels<Name>, value: number): void;
}

/** One series of a metric whose values are read when it is scraped. */
export interface Sample<Name extends string> {
  readonly labels: Labels<Name>;
  readonly value: number;
}

/**
 * The metrics of one process, in the Prometheus text format.
 *
 * A series appears when something first moves it: no label values are created ahead of time, so that a series at zero is never a
 * promise that nothing keeps. Metrics without labels start at zero, as Prometheus wants it for `rate()`.
 *
 * @example
 * ```ts
 * const registry = new MetricRegistry();
 * const requests = registry.counter({ name: 'app_requests_total', help: 'Requests answered.', labels: ['method'] });
 * requests.add({ method: 'GET' });
 * console.log(await registry.expose());
 * ```
 */
export class MetricRegistry {
  readonly #registry = new Registry();

  /** The media type of {@link expose}. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** A counter that the program moves itself. */
  counter<Name extends string = never>(options: MetricOptions<Name>): Counter<Name> {
    const counter = new PromCounter<Name>(this.#configuration(options));
    return { add: (labels, amount = 1) => counter.inc(labels, amount) };
  }

  /** A histogram with the given upper bounds of its buckets, ascending; the bucket `+Inf` is added. */
  histogram<Name extends string = never>(options: MetricOptions<Name> & { readonly buckets: readonly number[] }): Histogram<Name> {
    const histogram = new PromHistogram<Name>({ ...this.#configuration(options), buckets: [...options.buckets] });
    return { observe: (labels, value) => histogram.observe(labels, value) };
  }

  /**
   * A counter whose totals live elsewhere: `read` gives them at each scrape. They must never fall while the process lives. Series
   * at zero that have labels are left out.
   */
  observedCounter<Name extends string = never>(options: MetricOptions<Name>, read: () => Iterable<Sample<Name>>): void {
    new PromCounter<Name>({
      ...this.#configuration(options),
      collect() {
        this.reset();
        for (const { labels, value } of read()) {
          if (value > 0) this.inc(labels, value);
        }
      },
    });
  }

  /** A gauge whose values `read` gives at each scrape; a series without a value is not there. */
  observedGauge<Name extends string = never>(options: MetricOptions<Name>, read: () => Iterable<Sample<Name>>): void {
    const labelCount = options.labels?.length ?? 0;
    new PromGauge<Name>({
      ...this.#configuration(options),
      collect() {
        this.reset();
        // Without labels, a reset leaves a zero that nothing stands for.
        if (labelCount === 0) this.remove();
        for (const { labels, value } of read()) this.set(labels, value);
      },
    });
  }

  /** Adds the usual metrics of the process (`process_*`: CPU, memory, open files; `nodejs_*`: event loop, garbage collection). */
  observeProcess(): void {
    collectDefaultMetrics({ register: this.#registry });
  }

  /** All metrics as text. */
  expose(): Promise<string> {
    return this.#registry.metrics();
  }

  #configuration<Name extends string>(
    options: MetricOptions<Name>,
  ): { name: string; help: string; labelNames: Name[]; registers: Registry[] } {
    return { name: options.name, help: options.help, labelNames: [...(options.labels ?? [])], registers: [this.#registry] };
  }
}
