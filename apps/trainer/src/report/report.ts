import { cpus, release, totalmem } from 'node:os';
import { createRequire } from 'node:module';
import { writeFileAtomically } from '../training/write-file.ts';
import { isList } from '../config/flags.ts';
import type { Config, ConfigKey } from '../config/schema.ts';
import type { SessionResult } from '../session/session.ts';
import { formatBytes, formatDuration, formatNumber, formatPercent } from './figures.ts';
import type { Evaluation } from '../training/evaluate.ts';
import type * as Charts from './charts.ts';
import type { Line } from './charts.ts';
import { renderPage } from './page.ts';
import type { Figure, Page, Plot, Table } from './page.ts';
import type { RunTrace } from './run-trace.ts';
import type { Stretch } from './step-history.ts';

/** A training that a report shows. */
export interface ReportedRun {
  /** What tells it from others of the same report; empty if there is no other. */
  readonly name: string;
  readonly trace: RunTrace;
  readonly result: SessionResult;
}

/** A report of one training, or of several that are laid over each other. */
export interface Report {
  readonly title: string;
  readonly config: Config;
  readonly runs: readonly ReportedRun[];
  /** What stands above the plots. */
  readonly figures: readonly Figure[];
  /** Put before the settings. */
  readonly tables: readonly Table[];
  readonly finished: Date;
}

/** Writes the page. The plotting library is loaded here and nowhere else. */
export async function writeReport(path: string, report: Report): Promise<void> {
  const charts = await import('./charts.ts');
  const page: Page = {
    title: report.title,
    subtitle: `Finished ${report.finished.toISOString().replace('T', ' ').slice(0, 19)} UTC`,
    figures: report.figures,
    plots: plotsOf(report.runs, charts),
    tables: [...report.tables, settingsTable(report.config), machineTable()],
  };
  await writeFileAtomically(path, Buffer.from(renderPage(page)));
}

/** The numbers that stand out for one training. */
export function figuresOf({ progress, total, lastWindow, evaluation, read, wallMs }: SessionResult): Figure[] {
  const bytes = read.bytesByRoot.reduce((sum, root) => sum + root.bytes, 0);
  const figures: Figure[] = [
    { label: 'Steps', value: formatNumber(progress.step), note: `${formatNumber(total.images)} images in ${formatDuration(wallMs)}` },
    { label: 'Images per second', value: formatNumber(total.imagesPerSec) },
    { label: 'Waiting for data', value: formatDuration(total.dataMs), note: 'a step, on average' },
    { label: 'Computing', value: formatDuration(total.computeMs), note: 'a step, on average' },
    {
      label: 'Read',
      value: formatBytes(bytes),
      note: `from ${read.bytesByRoot.length === 1 ? 'one root' : `${read.bytesByRoot.length} roots`}`,
    },
  ];
  if (lastWindow !== undefined) figures.push({ label: 'Training loss', value: formatNumber(lastWindow.loss), note: 'last window' });
  if (evaluation !== undefined) {
    figures.push({
      label: 'Test accuracy',
      value: formatPercent(evaluation.accuracy),
      note: `${formatNumber(evaluation.images)} images, loss ${formatNumber(evaluation.loss)}`,
    });
  }
  if (read.skipped > 0) figures.push({ label: 'Damaged, left out', value: formatNumber(read.skipped) });
  return figures;
}

function plotsOf(runs: readonly ReportedRun[], { drawBars, drawLines, LABEL_LETTERS }: typeof Charts): Plot[] {
  const several = runs.length > 1;
  /** A line for each run, named for it, or for what it shows if there is only one. */
  const over = (what: string, value: (stretch: Stretch) => number, colour = 0): Line[] =>
    runs.map(({ name, trace }, index) => ({
      name: several ? name : what,
      points: trace.stretches.map((stretch) => [stretch.lastStep, value(stretch)] as const),
      colour: colour + index,
    }));
  const evaluated = (value: (evaluation: Evaluation) => number): Line[] =>
    runs
      .filter(({ trace }) => trace.evaluations.length > 0)
      .map(({ name, trace }, index) => ({
        name: several ? `${name}, test` : 'test',
        points: trace.evaluations.map((evaluation) => [evaluation.step, value(evaluation)] as const),
        colour: runs.length + index,
        dots: true,
      }));
  const milliseconds = (ms: number): string => `${formatNumber(ms)} ms`;
  const dataTime = (colour: number): Line[] => over('data', ({ dataMs, steps }) => dataMs / steps, colour);
  const computeTime = (colour: number): Line[] => over('compute', ({ computeMs, steps }) => computeMs / steps, colour);
  const times = (title: string, caption: string, lines: readonly Line[]): Plot => ({
    title,
    caption,
    svg: drawLines({ lines, fromZero: true, formatValue: milliseconds }),
  });
  const WAITED = 'Milliseconds that a step waited for its batch; batches are loaded while others are computed.';
  const COMPUTED = 'Milliseconds of forward pass, backward pass and optimizer, a step.';

  const accuracy = evaluated((evaluation) => evaluation.accuracy);
  return [
    {
      title: 'Loss',
      caption: 'Mean cross entropy over the images, each by the weights with which it was trained.',
      svg: drawLines({
        lines: [...over('training', ({ lossSum, images }) => lossSum / images), ...evaluated(({ loss }) => loss)],
        formatValue: formatNumber,
      }),
    },
    // One evaluation, that at the end, is no course.
    ...(accuracy.every(({ points }) => points.length < 2)
      ? []
      : [
          {
            title: 'Test accuracy',
            caption: 'Part of the test images whose likeliest class is the right one.',
            svg: drawLines({ lines: accuracy, limit: 1, formatValue: formatPercent }),
          },
        ]),
    {
      title: 'Images per second',
      caption: 'By the clock, whatever the time was spent on, but for evaluations.',
      svg: drawLines({ lines: over('images per second', perSecond), fromZero: true, formatValue: formatNumber }),
    },
    ...(several
      ? [times('Data time', WAITED, dataTime(0)), times('Compute time', COMPUTED, computeTime(0))]
      : [times('Data and compute time', `${WAITED} ${COMPUTED}`, [...dataTime(0), ...computeTime(1)])]),
    {
      title: 'Bytes read',
      caption: 'From the files below each root, in the course of the training.',
      svg: drawBars({
        labels: runs[0]?.result.read.bytesByRoot.map(({ root }) => shortened(root, LABEL_LETTERS)) ?? [],
        series: runs.map(({ name, result }, index) => ({
          name,
          values: result.read.bytesByRoot.map(({ bytes }) => bytes),
          colour: index,
        })),
        formatValue: formatBytes,
      }),
    },
  ];
}

function perSecond({ images, wallMs }: Stretch): number {
  return wallMs === 0 ? 0 : (images * 1000) / wallMs;
}

/** The end of a long path, which tells roots apart better than its beginning. */
function shortened(path: string, letters: number): string {
  return path.length <= letters ? path : `…${path.slice(1 - letters)}`;
}

function settingsTable(config: Config): Table {
  const rows = Object.entries(config).flatMap(([key, value]) =>
    value === undefined || (isList(key as ConfigKey) && String(value) === '') ? [] : [[key, [value].flat().join('\n')]],
  );
  return { title: 'Settings', rows };
}

function machineTable(): Table {
  const { version } = createRequire(import.meta.url)('../../package.json') as { version: string };
  const processors = cpus();
  return {
    title: 'Machine',
    rows: [
      ['processor', `${processors.length} x ${processors[0]?.model ?? 'unknown'}`],
      ['memory', formatBytes(totalmem())],
      ['system', `${process.platform} ${release()}, ${process.arch}`],
      ['Node.js', process.version],
      ['warpforge-train', version],
    ],
  };
}
