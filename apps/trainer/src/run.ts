import { access } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { probeImage } from '@warpforge/webdataset';
import { ComputeThread } from './compute/compute-thread.ts';
import { DEFAULT_STEPS, parseImageSize } from './config/schema.ts';
import type { Config } from './config/schema.ts';
import { modelOptionsOf, optimizerOf } from './config/model-settings.ts';
import { openDataset } from './data/dataset.ts';
import type { Dataset } from './data/dataset.ts';
import { BatchesAhead } from './data/batches-ahead.ts';
import { LoaderSource } from './data/loader-source.ts';
import { MemorySource } from './data/memory-source.ts';
import { TrainerError } from './errors.ts';
import { inferenceGraph } from './model/graphs.ts';
import { designNetwork } from './model/network.ts';
import type { ModelShape } from './model/network.ts';
import { elementCount, initialState } from './model/training-state.ts';
import { evaluationFields, printDataset, printEvaluation, printLine, printNote } from './output.ts';
import { checkSameRun, loadCheckpoint, saveCheckpoint } from './training/checkpoint.ts';
import type { Checkpoint, RunIdentity } from './training/checkpoint.ts';
import { evaluate } from './training/evaluate.ts';
import { train } from './training/train.ts';
import type { TrainResult } from './training/train.ts';
import { logLine } from './training/window.ts';
import { checkWritable, writeFileAtomically } from './training/write-file.ts';

export interface RunOptions {
  /** Continue from the checkpoint of the configuration. */
  readonly resume: boolean;
  readonly json: boolean;
  /** Train on this many batches, which are loaded before the clock starts. */
  readonly fromMemory: number | undefined;
}

/**
 * Trains, evaluates and exports as the configuration says. When the signal stops the training, what was learnt is saved first; evaluation
 * and export are left out, and the signal's reason is thrown at the end.
 */
export async function run(config: Config, options: RunOptions, signal: AbortSignal): Promise<void> {
  for (const path of [config.checkpoint, config.export]) if (path !== undefined) await checkWritable(path);
  const data = await openDataset([config.train_root_a, config.train_root_b, ...config.train_roots].filter((root) => root !== undefined));
  const testData = config.eval_roots.length > 0 ? await openDataset(config.eval_roots) : undefined;
  printDataset(data);
  const shape = await modelShape(config, data);
  const identity: RunIdentity = {
    network: designNetwork(shape, modelOptionsOf(config)),
    optimizer: optimizerOf(config),
    batchSize: config.batch_size,
    seed: config.seed,
    dataset: { fingerprint: data.fingerprint, shards: data.shards.length },
  };
  printNote(
    `images=${shape.height}x${shape.width}x${shape.channels}  classes=${shape.classes}  parameters=${elementCount(identity.network.parameters)}`,
  );
  const start = await startingPoint(config, options.resume, identity);
  const threads = config.threads ?? availableParallelism();
  await using compute = new ComputeThread({
    network: identity.network,
    optimizer: identity.optimizer,
    batchSize: config.batch_size,
    device: config.device,
    threads,
    state: start.state,
    first: 'train',
  });

  const result = await trainOnFiles(config, options, data, start, compute, signal);
  const isWhole = !signal.aborted;
  let evaluation;
  if (testData !== undefined && isWhole) {
    evaluation = await evaluate({
      compute,
      shards: testData.shards,
      shape,
      batchSize: config.batch_size,
      workers: config.num_workers,
      signal,
    });
    printEvaluation(evaluation);
  }
  if (config.export !== undefined && isWhole) {
    await writeFileAtomically(config.export, inferenceGraph(identity.network, await compute.state()));
  }
  if (options.json) printLine(JSON.stringify({ ...resultFields(result), ...(evaluation && evaluationFields(evaluation)) }));
  if (!isWhole) signal.throwIfAborted();
}

async function modelShape(config: Config, data: Dataset): Promise<ModelShape> {
  const first = await probeImage(data.shards);
  const { height, width } = config.image_size === undefined ? first : parseImageSize(config.image_size);
  return { height, width, channels: first.channels, classes: config.classes };
}

/** The beginning, or the checkpoint to continue. */
async function startingPoint(config: Config, resume: boolean, run: RunIdentity): Promise<Checkpoint> {
  const { checkpoint: path, seed } = config;
  if (path !== undefined && resume) {
    const saved = await loadCheckpoint(path);
    checkSameRun(path, saved.run, run);
    printNote(`resumed=${path}  step=${saved.progress.step}`);
    return saved;
  }
  if (path !== undefined && (await exists(path))) {
    throw new TrainerError('CHECKPOINT_EXISTS', `the checkpoint "${path}" is there already; continue it with --resume, or remove it`);
  }
  return { run, progress: { step: 0, position: { epoch: 0, batch: 0 } }, state: initialState(run.network, run.optimizer, seed) };
}

async function trainOnFiles(
  config: Config,
  { fromMemory }: RunOptions,
  data: Dataset,
  { run, progress }: Checkpoint,
  compute: ComputeThread,
  signal: AbortSignal,
): Promise<TrainResult> {
  const { shape } = run.network;
  await using files = await LoaderSource.open({
    shards: data.shards,
    shape,
    batchSize: config.batch_size,
    seed: config.seed,
    workers: config.num_workers,
    order: 'shuffled',
    signal,
  });
  const source = fromMemory === undefined ? files : await MemorySource.load(files, fromMemory);
  await using batches = new BatchesAhead(source, progress.position, signal);
  // Threads that load and the one that computes start at the same time.
  if (progress.step < (config.steps ?? DEFAULT_STEPS)) batches.prefetch();
  await compute.ready();
  return await train({
    batches,
    compute,
    shape,
    start: progress,
    steps: config.steps ?? DEFAULT_STEPS,
    seed: config.seed,
    learningRate: config.learning_rate,
    logEvery: config.log_every,
    saveEvery: config.checkpoint_every,
    onWindow: (step, window) => printLine(logLine(step, window)),
    onSave: async (now) => {
      if (config.checkpoint !== undefined) await saveCheckpoint(config.checkpoint, { run, progress: now, state: await compute.state() });
    },
    signal,
    now: () => performance.now(),
  });
}

function resultFields({ progress, total, lastWindow }: TrainResult): Record<string, number | null> {
  const { imagesPerSec, dataMs, computeMs, images } = total;
  const { epoch, batch } = progress.position;
  return {
    steps: progress.step,
    imagesPerSec,
    dataMs,
    computeMs,
    // Of the last window, as in its log line; nothing if no step was left to do.
    loss: lastWindow?.loss ?? null,
    images,
    // Begun ones.
    epochs: batch === 0 ? epoch : epoch + 1,
  };
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}
