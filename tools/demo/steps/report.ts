import type { Counters } from '../metrics.ts';
import { movedSeries } from '../metrics.ts';
import { formatBytes, formatSeconds, type Terminal } from '../terminal.ts';
import type { TrainingRun } from './train.ts';

/** Prints the series that differ between two scrapes. */
export function reportMetrics(terminal: Terminal, before: Counters, after: Counters): void {
  const moved = movedSeries(before, after);
  terminal.table(
    ['metric', 'at the start', 'now'],
    moved.map((row) => [row.series, formatNumber(row.before), formatNumber(row.after)]),
  );
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

/** Whole numbers as they are; seconds and ratios with three digits that count. */
function formatNumber(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(3);
}
