import type { DataSet } from './datasets/data-set.ts';
import { openDigits } from './datasets/digits.ts';
import { openFashionMnist } from './datasets/fashion-mnist.ts';
import { openSynthetic } from './datasets/synthetic.ts';
import { runJob, type DemoResult } from './job.ts';
import type { DemoOptions } from './options.ts';
import { planDemo, syntheticImages, type DemoPlan } from './plan.ts';
import type { TrainingRun } from './steps/train.ts';
import { Supervisor } from './supervisor.ts';
import { formatCount, formatSeconds, type Terminal } from './terminal.ts';
import { WorkFolder } from './work-folder.ts';

/** Runs the demo. Returns the object that `--json` prints. */
export async function runDemo(options: DemoOptions, terminal: Terminal): Promise<object> {
  const startedMs = performance.now();
  const dataSet = await openDataSet(options);
  const plan = planDemo(options, dataSet);
  const { train, test } = plan;
  terminal.line(`Warpforge demo: ${dataSet.description}`);
  terminal.line(
    `${formatCount(train.images)} for training in ${train.shards} shards, ${formatCount(test.images)} for the test in ${test.shards}`,
  );
  const result = await supervised(options, terminal, dataSet, plan);
  reportResult(terminal, plan, result, performance.now() - startedMs);
  return jsonResult(options, plan, result);
}

function openDataSet(options: DemoOptions): Promise<DataSet> | DataSet {
  switch (options.dataset) {
    case 'digits':
      return openDigits();
    case 'fashion-mnist':
      return openFashionMnist();
    case 'synthetic':
      return openSynthetic({ trainImages: syntheticImages(options), size: options.size ?? 224, seed: options.seed });
  }
}

/** Nothing of the run is left when this ends, whatever ends it. */
async function supervised(options: DemoOptions, terminal: Terminal, dataSet: DataSet, plan: DemoPlan): Promise<DemoResult> {
  await using supervisor = new Supervisor(terminal, [process.stdout, process.stderr]);
  await using work = await WorkFolder.create({ keep: options.keep, guard: supervisor.guard });
  terminal.line(`The work folder ${work.path} is ${options.keep ? 'kept' : 'removed at the end'}`);
  await using running = new AsyncDisposableStack();
  return await supervisor.run(() => runJob({ options, terminal, supervisor, work }, running, dataSet, plan));
}

function reportResult(terminal: Terminal, { test }: DemoPlan, { read, transport, warm }: DemoResult, durationMs: number): void {
  const way = read === 'fuse' ? `through FUSE (transport ${transport})` : 'in process, without a mount';
  const accuracy = warm.testAccuracy === undefined ? 'unknown' : `${(100 * warm.testAccuracy).toFixed(2)} %`;
  terminal.line();
  terminal.success(
    `Test accuracy ${accuracy} on ${formatCount(test.images)} images after ${warm.steps} steps, read ${way}, in ${formatSeconds(durationMs)}`,
  );
}

/** The line that `--json` prints. */
function jsonResult(options: DemoOptions, { train, test }: DemoPlan, { read, transport, cold, warm }: DemoResult): object {
  return {
    dataset: options.dataset,
    read,
    transport,
    steps: warm.steps,
    testAccuracy: warm.testAccuracy,
    loss: warm.loss,
    batchSize: options.batchSize,
    workers: options.workers,
    seed: options.seed,
    trainImages: train.images,
    testImages: test.images,
    shards: train.shards,
    cold: jsonRun(cold),
    warm: jsonRun(warm),
  };
}

function jsonRun({ steps, imagesPerSec, dataMs, computeMs, networkBytes, wallMs }: TrainingRun): object {
  return { steps, imagesPerSec, dataMs, computeMs, networkBytes, wallMs };
}
