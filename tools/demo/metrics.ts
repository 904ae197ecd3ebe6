import { DemoError } from './errors.ts';

/** Values by series, such as `warpdrive_backend_bytes_read_total{backend="datasets-cac"}`. */
export type Counters = ReadonlyMap<string, number>;

/** One series that has changed. */
export interface MovedSeries {
  readonly series: string;
  readonly before: number;
  readonly after: number;
}

const SAMPLE = /^([a-zA-Z_:][a-zA-Z0-9_:]*(?:\{.*\})?) (\S+)$/;

/**
 * Reads a page of metrics, over HTTP.
 *
 * Format: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 */
export async function scrape(url: string, signal: AbortSignal): Promise<Counters> {
  const response = await fetch(url, { signal });
  const text = await response.text();
  if (!response.ok) throw new DemoError('ANSWER_WRONG', `${url} answered ${response.status}: ${text.slice(0, 200)}`);
  return parseMetrics(text);
}

/** The samples of a page of metrics. */
export function parseMetrics(text: string): Counters {
  const samples = text.split('\n').flatMap((line) => {
    const [, series, value] = SAMPLE.exec(line) ?? [];
    return series === undefined ? [] : [[series, Number(value)] as const];
  });
  return new Map(samples);
}

/** The product's series that differ, in the order of the second page; histograms by their sum and count only. */
export function movedSeries(before: Counters, after: Counters): MovedSeries[] {
  return [...after]
    .map(([series, value]) => ({ series, before: before.get(series) ?? 0, after: value }))
    .filter((moved) => moved.series.startsWith('warpdrive_') && !/_bucket[{ ]?/.test(moved.series) && moved.before !== moved.after);
}

/** Sum over all label values of one metric. */
export function total(counters: Counters, metric: string): number {
  let sum = 0;
  for (const [series, value] of counters) {
    if (series === metric || series.startsWith(`${metric}{`)) sum += value;
  }
  return sum;
}
