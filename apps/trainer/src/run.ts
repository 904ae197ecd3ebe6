import type { Config } from './config/schema.ts';
import { Interrupted } from './interrupt.ts';
import { serveMetrics } from './observe/metrics-server.ts';
import { TrainingMetrics } from './observe/metrics.ts';
import type { TrainingState } from './model/training-state.ts';
import { LOG, printEvaluation, printLine, printNote, resultFields } from './output.ts';
import { RunTrace } from './report/run-trace.ts';
import { prepare } from './session/prepare.ts';
import { trainOnce } from './session/session.ts';
import type { SessionResult } from './session/session.ts';
import { bestPath, CheckpointKeeper } from './training/checkpoint-keeper.ts';
import type { TrainingObserver } from './training/observer.ts';
import type { Progress } from './training/train.ts';
import { checkWritable } from './training/write-file.ts';

export interface RunOptions {
  /** Continue from the checkpoint of the configuration. */
  readonly resume: boolean;
  readonly json: boolean;
  /** Train on this many batches, which are loaded before the clock starts. */
  readonly fromMemory: number | undefined;
}

/**
 * Trains, evaluates and exports as the configuration says. When the signal stops the training, what was learnt is saved first; evaluation
 * and export are left out. The signal's reason is thrown at the end, unless it is SIGTERM and the training can be resumed from a checkpoint:
 * who sends that wants it to end, and it did what it could.
 */
export async function run(config: Config, { resume, json, fromMemory }: RunOptions, signal: AbortSignal): Promise<void> {
  for (const path of [config.checkpoint, config.export, config.report]) if (path !== undefined) await checkWritable(path);
  const observers: TrainingObserver[] = [LOG];
  const metrics = config.metrics_addr === undefined ? undefined : new TrainingMetrics();
  const roots = [config.train_root_a, config.train_root_b, ...config.train_roots].filter((root) => root !== undefined);
  await using server = metrics && (await serveMetrics(config.metrics_addr ?? '', metrics, roots));
  if (server !== undefined) printNote(`metrics=${server.url}/metrics`);
  if (metrics !== undefined) observers.push(metrics);
  const trace = config.report === undefined ? undefined : new RunTrace(() => performance.now());
  if (trace !== undefined) observers.push(trace);

  const preparation = await prepare(config, { resume }, signal);
  const keeper = config.checkpoint === undefined ? undefined : new CheckpointKeeper(config.checkpoint, preparation.start);
  // A stop before the training has begun leaves no result.
  const result = await trainOnce({ config, preparation, fromMemory, keeper, observers, signal }).catch((error: unknown) => {
    if (signal.aborted && error === signal.reason) return undefined;
    throw error;
  });
  if (result !== undefined) await tell(result, config, keeper, trace, json);
  if (signal.aborted) await endStopped(signal, keeper, result?.progress ?? preparation.start.progress, preparation.start.state);
}

async function tell(
  result: SessionResult,
  config: Config,
  keeper: CheckpointKeeper | undefined,
  trace: RunTrace | undefined,
  json: boolean,
): Promise<void> {
  const { evaluation, read } = result;
  if (evaluation !== undefined) printEvaluation(evaluation);
  if (keeper?.best !== undefined) {
    printNote(`best=${bestPath(keeper.path)}  step=${keeper.best.step}  test_accuracy=${keeper.best.accuracy.toFixed(4)}`);
  }
  if (read.skipped > 0) printNote(`skipped=${read.skipped}  (damaged samples, and rests of damaged shards, that were left out)`);
  if (trace !== undefined && config.report !== undefined) {
    const { figuresOf, writeReport } = await import('./report/report.ts');
    const runs = [{ name: '', trace, result }];
    await writeReport(config.report, { title: 'Training', config, runs, figures: figuresOf(result), tables: [], finished: new Date() });
    printNote(`report=${config.report}`);
  }
  if (json) printLine(JSON.stringify({ ...resultFields(result), ...(keeper?.best && { bestStep: keeper.best.step }) }));
}

async function endStopped(
  signal: AbortSignal,
  keeper: CheckpointKeeper | undefined,
  progress: Progress,
  initial: TrainingState,
): Promise<void> {
  const reason: unknown = signal.reason;
  const isTermination = reason instanceof Interrupted && reason.signal === 'SIGTERM';
  if (!isTermination || keeper === undefined) throw reason;
  // Who always starts the training with --resume after a stop finds a checkpoint, even if there was no time for a step.
  if (progress.step === 0) await keeper.saveLatest(progress, initial);
  printNote(`stopped by SIGTERM; --resume goes on from ${keeper.path}`);
}
