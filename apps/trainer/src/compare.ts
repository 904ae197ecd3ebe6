import type { Config } from './config/schema.ts';
import { TrainerError } from './errors.ts';
import { LOG, printLine, printNote, resultFields } from './output.ts';
import { RunTrace } from './report/run-trace.ts';
import { prepare } from './session/prepare.ts';
import { trainOnce } from './session/session.ts';
import type { SessionResult } from './session/session.ts';
import { OrderHash } from './training/order-hash.ts';
import { checkWritable } from './training/write-file.ts';

/** A training that was compared. */
interface ComparedRun {
  readonly name: 'cold' | 'warm';
  readonly trace: RunTrace;
  readonly result: SessionResult;
  readonly order: string;
}

/** One line of the comparison. */
interface Row {
  readonly name: string;
  readonly cold: string;
  readonly warm: string;
  /** How many times better the warm run is; undefined where that means nothing. */
  readonly gain?: number | undefined;
}

/**
 * Trains twice from the same beginning, on the same images in the same order, and shows what the second time gained: what the first one read
 * lies in the caches then. Nothing is emptied before the first run, which is as cold as what it finds.
 */
export async function compare(config: Config, { json }: { readonly json: boolean }, signal: AbortSignal): Promise<void> {
  if (config.report !== undefined) await checkWritable(config.report);
  const trained: Config = {
    ...config,
    // Only the training itself is compared.
    ...{ eval_roots: [], eval_every: undefined, checkpoint: undefined, export: undefined },
    // A rate that falls over epochs has to count the samples, which may mean to read, and so to warm, all shards.
    schedule: config.epochs === undefined ? config.schedule : 'constant',
  };
  const preparation = await prepare(trained, { resume: false }, signal);
  const runTraining = async (name: ComparedRun['name']): Promise<ComparedRun> => {
    const trace = new RunTrace(() => performance.now());
    const order = new OrderHash();
    const observers = [LOG, trace, order];
    const result = await trainOnce({ config: trained, preparation, fromMemory: undefined, keeper: undefined, observers, signal });
    signal.throwIfAborted();
    return { name, trace, result, order: order.digest() };
  };
  printLine('run=cold  (the data as it is found; caches are not emptied)');
  const cold = await runTraining('cold');
  printLine('run=warm  (the same again)');
  const warm = await runTraining('warm');
  checkSameOrder(cold, warm);

  const rows = rowsOf(cold.result, warm.result);
  for (const line of tableLines(rows)) printLine(line);
  printLine(`order=${cold.order}  (the same in both runs)`);
  if (config.report !== undefined) await writeComparison(config.report, trained, [cold, warm], rows);
  if (json) {
    const speedup = ratio(warm.result.total.imagesPerSec, cold.result.total.imagesPerSec);
    printLine(JSON.stringify({ cold: jsonOf(cold), warm: jsonOf(warm), speedup, order: cold.order }));
  }
}

function checkSameOrder(cold: ComparedRun, warm: ComparedRun): void {
  if (cold.order === warm.order) return;
  throw new TrainerError(
    'ORDER_DIFFERS',
    `both runs did not see the same images in the same order (${cold.order} and ${warm.order}); did shards change in between? Compare again`,
  );
}

function rowsOf(cold: SessionResult, warm: SessionResult): Row[] {
  const row = (name: string, value: (result: SessionResult) => number, digits: number, better?: 'more' | 'less'): Row => {
    const [before, after] = [value(cold), value(warm)];
    const gain = better === undefined ? undefined : better === 'more' ? ratio(after, before) : ratio(before, after);
    return { name, cold: before.toFixed(digits), warm: after.toFixed(digits), gain };
  };
  return [
    row('images_per_sec', ({ total }) => total.imagesPerSec, 1, 'more'),
    row('data_ms', ({ total }) => total.dataMs, 2, 'less'),
    row('compute_ms', ({ total }) => total.computeMs, 2, 'less'),
    row('first_batch_ms', ({ firstBatchMs }) => firstBatchMs, 1, 'less'),
    row('total_s', ({ wallMs }) => wallMs / 1000, 2, 'less'),
    row('mib_read', ({ read }) => read.bytesByRoot.reduce((sum, { bytes }) => sum + bytes, 0) / 1024 ** 2, 1),
    row('loss', ({ lastWindow }) => lastWindow?.loss ?? Number.NaN, 4),
  ];
}

/** Columns under `cold`, `warm` and `gain`. */
function tableLines(rows: readonly Row[]): string[] {
  const cells = [['', 'cold', 'warm', 'gain'], ...rows.map(({ name, cold, warm, gain }) => [name, cold, warm, gainText(gain)])];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

function gainText(gain: number | undefined): string {
  return gain === undefined ? '' : `${gain.toFixed(2)}x`;
}

async function writeComparison(path: string, config: Config, runs: readonly ComparedRun[], rows: readonly Row[]): Promise<void> {
  const { writeReport } = await import('./report/report.ts');
  const head = ['', 'cold', 'warm', 'gain'];
  await writeReport(path, {
    title: 'Cold and warm',
    config,
    runs,
    figures: rows
      .filter(({ gain }) => gain !== undefined)
      .map(({ name, cold, warm, gain }) => ({ label: name, value: gainText(gain), note: `${cold} cold, ${warm} warm` })),
    tables: [{ title: 'Comparison', head, rows: rows.map(({ name, cold, warm, gain }) => [name, cold, warm, gainText(gain)]) }],
    finished: new Date(),
  });
  printNote(`report=${path}`);
}

function jsonOf({ result }: ComparedRun): Record<string, unknown> {
  return { ...resultFields(result), totalMs: result.wallMs };
}

/** Of two times or rates; a time of 0 has no ratio to speak of. */
function ratio(a: number, b: number): number | undefined {
  return b === 0 ? undefined : a / b;
}
