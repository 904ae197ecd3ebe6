/** docs/benchmarks.md: one page with a part for each suite, which a run of that suite rewrites and no other touches. */
import { readFile, writeFile } from 'node:fs/promises';
import type { Fact } from './machine.ts';
import { ROUNDS } from './rounds.ts';
import { format, isMet, type Verdict } from './verdict.ts';

const TITLE = '# Benchmarks';
const INTRODUCTION = [
  'Written by `npm run bench`. All sides of a comparison are measured in one run, in turns: one warm-up round, then',
  `${ROUNDS} that count; the ratio is the median of the ratios within the rounds. Absolute figures of a small shared machine vary by a quarter from run to`,
  'run; ratios vary less.',
];

/** What one run of a suite has found. */
export interface SuiteReport {
  /** Name of the suite's command. */
  readonly suite: string;
  readonly title: string;
  readonly machine: readonly Fact[];
  readonly verdicts: readonly Verdict[];
  readonly date: Date;
}

/** Puts a suite's part into the page, which is made if it is missing. */
export async function writeReport(file: string, report: SuiteReport): Promise<void> {
  const page = await readFile(file, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '';
    throw error;
  });
  await writeFile(file, withPart(page, report.suite, part(report)));
}

/** The page with one suite's part replaced, or added at the end. */
export function withPart(page: string, suite: string, text: string): string {
  const [from, to] = [`<!-- begin ${suite} -->`, `<!-- end ${suite} -->`];
  const marked = `${from}\n\n${text.trim()}\n\n${to}`;
  const start = page.indexOf(from);
  const end = page.indexOf(to);
  if (start >= 0 && end > start) return page.slice(0, start) + marked + page.slice(end + to.length);
  const before = page.trim() === '' ? [TITLE, '', ...INTRODUCTION].join('\n') : page.trim();
  return `${before}\n\n${marked}\n`;
}

function part({ suite, title, machine, verdicts, date }: SuiteReport): string {
  const lines = [
    `## ${title}`,
    '',
    `\`npm run bench -- ${suite}\`, ${date.toISOString().slice(0, 10)}.`,
    '',
    '| | |',
    '| --- | --- |',
    ...machine.map(([name, value]) => `| ${name} | ${value} |`),
    '',
    '| question | measured | must reach | aim | |',
    '| --- | --- | --- | --- | --- |',
    ...verdicts.map((verdict) => {
      const sign = verdict.sense === 'at-least' ? '≥' : '≤';
      const goal = (value: number | undefined): string => (value === undefined ? '' : `${sign} ${format(value, verdict.unit)}`);
      const met = isMet(verdict) ? 'met' : '**missed**';
      return `| ${verdict.question} | ${format(verdict.value, verdict.unit)} | ${goal(verdict.bar)} | ${goal(verdict.aim)} | ${met} |`;
    }),
    '',
  ];
  for (const { question, series, seriesUnit, commands } of verdicts) {
    lines.push(`### ${question}`, '', '```sh', ...commands, '```', '');
    if (series.length === 0) continue;
    lines.push(`| | median, ${seriesUnit} | rounds |`, '| --- | --- | --- |');
    for (const { name, median, values } of series) lines.push(`| ${name} | ${number(median)} | ${values.map(number).join(', ')} |`);
    lines.push('');
  }
  return lines.join('\n');
}

function number(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(3);
}
