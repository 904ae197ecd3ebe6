import { availableParallelism } from 'node:os';
import { ComputeThread } from '../compute/compute-thread.ts';
import { learningRateOf } from '../config/model-settings.ts';
import type { Config } from '../config/schema.ts';
import { BatchesAhead } from '../data/batches-ahead.ts';
import { LoaderSource } from '../data/loader-source.ts';
import type { SourceStats } from '../data/loader-source.ts';
import { MemorySource } from '../data/memory-source.ts';
import { PlanFiles } from '../data/plan-files.ts';
import { inferenceGraph } from '../model/graphs.ts';
import { printNote } from '../output.ts';
import type { CheckpointKeeper } from '../training/checkpoint-keeper.ts';
import { TestImages } from '../training/evaluate.ts';
import type { Evaluation } from '../training/evaluate.ts';
import { observers } from '../training/observer.ts';
import type { TrainingObserver } from '../training/observer.ts';
import { learningRateAt } from '../training/schedule.ts';
import { train } from '../training/train.ts';
import type { TrainResult } from '../training/train.ts';
import { writeFileAtomically } from '../training/write-file.ts';
import { Evaluations } from './evaluations.ts';
import type { Preparation } from './prepare.ts';

export interface SessionOptions {
  readonly config: Config;
  readonly preparation: Preparation;
  /** Train on this many batches, which are loaded before the clock starts. */
  readonly fromMemory: number | undefined;
  /** Undefined: no checkpoints. */
  readonly keeper: CheckpointKeeper | undefined;
  readonly observers: readonly TrainingObserver[];
  readonly signal: AbortSignal;
}

export interface SessionResult extends TrainResult {
  /** Of the trained network on the test data, unless there is none or the training was stopped. */
  readonly evaluation: Evaluation | undefined;
  /** What the training read, evaluations not included. */
  readonly read: SourceStats;
  /** From the opening of the data to the first batch. */
  readonly firstBatchMs: number;
  /** From the opening of the data to the end of the training, without the evaluation at the end. */
  readonly wallMs: number;
}

/** Trains once, from `preparation.start` to the end or until the signal stops it; what was learnt is saved, evaluated and exported. */
export async function trainOnce(options: SessionOptions): Promise<SessionResult> {
  const { config, preparation, keeper, signal } = options;
  const { start, length, data, testData } = preparation;
  const { network, optimizer, batchSize } = start.run;
  const observer = observers(options.observers);
  const threads = config.threads ?? availableParallelism();
  const loading = {
    shape: network.shape,
    batchSize,
    workers: config.num_workers,
    failures: { onError: config.on_error, maxFailures: config.max_failures },
    signal,
  };
  await using compute = new ComputeThread({
    network,
    optimizer,
    batchSize,
    device: config.device,
    threads,
    state: start.state,
    first: 'train',
  });
  await using testImages = testData && new TestImages({ roots: testData.roots, ...loading });
  const plans = await PlanFiles.find(data.roots.map(({ path }) => path));
  const opened = performance.now();
  await using files = await LoaderSource.open({
    roots: data.roots,
    seed: config.seed,
    order: 'shuffled',
    augment: config.augment,
    onPlan: async (shards) => (await plans.write(shards)).forEach(({ message }) => printNote(message)),
    ...loading,
  });
  observer.onOpen(() => files.stats());
  const source = options.fromMemory === undefined ? files : await MemorySource.load(files, options.fromMemory);

  const evaluations = new Evaluations({
    compute,
    images: testImages,
    // Without evaluations on the way, the best state would be the latest one.
    keeper: config.eval_every === undefined ? undefined : keeper,
    observer,
    signal,
  });
  const schedule = {
    shape: config.schedule,
    learningRate: learningRateOf(config),
    warmupSteps: config.warmup_steps,
    steps: length.steps,
  };
  let firstBatchMs = 0;
  const trainAll = async (): Promise<TrainResult> => {
    await using batches = new BatchesAhead(source, start.progress.position, length.epochs, signal);
    // Threads that load and the one that computes start at the same time.
    if (start.progress.step < length.steps) void batches.prefetch().then(() => (firstBatchMs = performance.now() - opened));
    await compute.ready();
    return await train({
      batches,
      compute,
      start: start.progress,
      steps: length.steps,
      settingsOf: (step) => ({ step, learningRate: learningRateAt(schedule, step) }),
      logEvery: config.log_every,
      saveEvery: config.checkpoint_every,
      evaluateEvery: config.eval_every,
      observer,
      onSave: async (progress) => await keeper?.saveLatest(progress, await compute.state()),
      onEvaluate: async (progress) => {
        await evaluations.evaluate(progress, 'on-the-way');
      },
      signal,
      now: () => performance.now(),
    });
  };

  const result = await trainAll();
  const wallMs = performance.now() - opened;
  const read = files.stats();
  const best = keeper?.best;
  const evaluation = await evaluations.evaluate(result.progress, 'at-the-end');
  // The latest checkpoint knows which one is the best.
  if (keeper !== undefined && keeper.best !== best) await keeper.saveLatest(result.progress, await compute.state());
  if (config.export !== undefined && !signal.aborted) {
    await writeFileAtomically(config.export, inferenceGraph(network, await compute.state()));
  }
  return { ...result, evaluation, read, firstBatchMs, wallMs };
}
