import type { Series } from './rounds.ts';

/** How a measured value stands to what it must reach. */
export interface Verdict {
  readonly question: string;
  /** The measured ratio, share or size. */
  readonly value: number;
  /** What it must reach. */
  readonly bar: number;
  /** What would be better still. */
  readonly aim?: number;
  /** `at-least`: higher is better. `at-most`: lower is better. */
  readonly sense: 'at-least' | 'at-most';
  readonly unit: 'ratio' | 'MiB' | '%' | 'ms';
  readonly series: readonly Series[];
  /** Unit of the series' values, such as `MB/s`. */
  readonly seriesUnit: string;
  /** How to do the same by hand, or what was done. */
  readonly commands: readonly string[];
}

/** Whether the bar is met. */
export function isMet({ value, bar, sense }: Verdict): boolean {
  return sense === 'at-least' ? value >= bar : value <= bar;
}

/** A value in its unit, as people read it. */
export function format(value: number, unit: Verdict['unit']): string {
  switch (unit) {
    case 'ratio':
      return value.toFixed(2);
    case 'MiB':
      return `${value.toFixed(Math.abs(value) < 10 ? 1 : 0)} MiB`;
    case 'ms':
      return `${value.toFixed(0)} ms`;
    case '%':
      return `${value.toFixed(1)} %`;
  }
}
