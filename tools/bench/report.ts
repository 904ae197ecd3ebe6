import { writeFile } from 'node:fs/promises';
import { describeMachine } from './machine.ts';
import { ROUNDS, type Series } from './rounds.ts';

/** One line of the report: how a measured value stands to its bar. */
export interface Verdict {
  readonly question: string;
  /** The measured ratio or size. */
  readonly value: number;
  readonly bar: number;
  /** `at-least`: higher is better. `at-most`: lower is better. */
  readonly sense: 'at-least' | 'at-most';
  readonly unit: 'ratio' | 'MiB';
  readonly series: readonly Series[];
  /** Unit of the series' values, such as `MB/s`. */
  readonly seriesUnit: string;
  readonly commands: readonly string[];
}

/** Whether the bar is met. */
export function isMet({ value, bar, sense }: Verdict): boolean {
  return sense === 'at-least' ? value >= bar : value <= bar;
}

/** Writes the whole report as Markdown. */
export async function writeReport(file: string, command: string, verdicts: readonly Verdict[], date: Date): Promise<void> {
  const lines = [
    '# Benchmarks',
    '',
    `Written by \`${command}\` on ${date.toISOString().slice(0, 10)}. All sides of a comparison are measured in one run, in turns: one warm-up round, then`,
    `${ROUNDS} that count; the ratio is the median of the ratios within the rounds. Absolute figures of a small shared machine vary by a quarter from run to`,
    'run; ratios vary less.',
    '',
    '| | |',
    '| --- | --- |',
    ...describeMachine().map(([name, value]) => `| ${name} | ${value} |`),
    '',
    '| question | measured | bar | |',
    '| --- | --- | --- | --- |',
    ...verdicts.map((verdict) => {
      const bar = `${verdict.sense === 'at-least' ? '≥' : '≤'} ${format(verdict.bar, verdict.unit)}`;
      return `| ${verdict.question} | ${format(verdict.value, verdict.unit)} | ${bar} | ${isMet(verdict) ? 'met' : '**missed**'} |`;
    }),
    '',
  ];
  for (const { question, series, seriesUnit, commands } of verdicts) {
    lines.push(`## ${question}`, '', '```sh', ...commands, '```', '');
    if (series.length === 0) continue;
    lines.push(`| | median, ${seriesUnit} | rounds |`, '| --- | --- | --- |');
    for (const { name, median, values } of series) lines.push(`| ${name} | ${number(median)} | ${values.map(number).join(', ')} |`);
    lines.push('');
  }
  await writeFile(file, lines.join('\n'));
}

function format(value: number, unit: Verdict['unit']): string {
  return unit === 'ratio' ? value.toFixed(2) : `${value.toFixed(0)} MiB`;
}

function number(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(3);
}
