import { movedSeries, type Counters } from '../metrics.ts';
import { formatBytes, formatCount, formatSeconds, type Terminal } from '../terminal.ts';
import type { TrainingRun } from './train.ts';

/** Prints the metrics that differ between two scrapes; a histogram of durations as their number and mean. */
export function reportMetrics(terminal: Terminal, before: Counters, after: Counters): void {
  const rows = movedSeries(before, after).flatMap(({ series }) => {
    const [, sumOf, sumLabels = ''] = /^(.+)_sum(\{.*\})?$/.exec(series) ?? [];
    if (sumOf !== undefined) return [[sumOf + sumLabels, formatMean(before, sumOf, sumLabels), formatMean(after, sumOf, sumLabels)]];
    const [, countOf, countLabels = ''] = /^(.+)_count(\{.*\})?$/.exec(series) ?? [];
    if (countOf !== undefined && after.has(`${countOf}_sum${countLabels}`)) return [];
    return [[series, formatNumber(before.get(series) ?? 0), formatNumber(after.get(series) ?? 0)]];
  });
  terminal.table(['metric', 'at the start', 'now'], rows);
}

/** Prints the cold and the warm run side by side. */
export function reportComparison(terminal: Terminal, cold: TrainingRun, warm: TrainingRun): void {
  terminal.table(
    ['', 'cold', 'warm', 'warm / cold'],
    [
      ['steps', String(cold.steps), String(warm.steps), ''],
      ['images/s', cold.imagesPerSec.toFixed(1), warm.imagesPerSec.toFixed(1), ratio(warm.imagesPerSec, cold.imagesPerSec)],
      ['data_ms a step', cold.dataMs.toFixed(2), warm.dataMs.toFixed(2), ratio(warm.dataMs, cold.dataMs)],
      ['compute_ms a step', cold.computeMs.toFixed(2), warm.computeMs.toFixed(2), ratio(warm.computeMs, cold.computeMs)],
      ['network', formatBytes(cold.networkBytes), formatBytes(warm.networkBytes), ''],
      ['wall time', formatSeconds(cold.wallMs), formatSeconds(warm.wallMs), ''],
    ],
  );
}

function ratio(value: number, base: number): string {
  return base > 0 ? `${(value / base).toFixed(2)}x` : '';
}

/** `18 x 100.6 ms` */
function formatMean(counters: Counters, histogram: string, labels: string): string {
  const count = counters.get(`${histogram}_count${labels}`) ?? 0;
  const sumSeconds = counters.get(`${histogram}_sum${labels}`) ?? 0;
  return count === 0 ? '0' : `${formatCount(count)} x ${((1000 * sumSeconds) / count).toFixed(2)} ms`;
}

/** Whole numbers as they are; ratios with three digits that count. */
function formatNumber(value: number): string {
  return Number.isInteger(value) ? formatCount(value) : value.toPrecision(3);
}
