import { access } from 'node:fs/promises';
import { modelOptionsOf, optimizerOf } from '../config/model-settings.ts';
import { parseImageSize } from '../config/schema.ts';
import type { Config } from '../config/schema.ts';
import { FIRST_POSITION } from '../data/batch-source.ts';
import { openDataset } from '../data/dataset.ts';
import type { Dataset } from '../data/dataset.ts';
import { checkFirstLabels, firstImage } from '../data/first-sample.ts';
import { TrainerError } from '../errors.ts';
import { designNetwork } from '../model/network.ts';
import { elementCount, initialState } from '../model/training-state.ts';
import { printDataset, printNote } from '../output.ts';
import { checkSameRun, loadCheckpoint } from '../training/checkpoint.ts';
import type { Checkpoint, RunIdentity } from '../training/checkpoint.ts';
import { trainingLength } from './length.ts';
import type { TrainingLength } from './length.ts';

/** All that is known before anything is started. */
export interface Preparation {
  readonly data: Dataset;
  readonly testData: Dataset | undefined;
  readonly length: TrainingLength;
  /** The beginning, or the checkpoint to continue. */
  readonly start: Checkpoint;
}

/** Looks at the data and says what training on it will be; every fault that can be found without training is found here. */
export async function prepare(config: Config, { resume }: { readonly resume: boolean }, signal: AbortSignal): Promise<Preparation> {
  const data = await openDataset([config.train_root_a, config.train_root_b, ...config.train_roots].filter((root) => root !== undefined));
  const testData = config.eval_roots.length > 0 ? await openDataset(config.eval_roots) : undefined;
  printDataset(data);
  const run = await identityOf(config, data);
  const { shape } = run.network;
  for (const each of [data, testData]) if (each !== undefined) await checkFirstLabels(each, shape.classes);
  printNote(
    `images=${shape.height}x${shape.width}x${shape.channels}  classes=${shape.classes}  parameters=${elementCount(run.network.parameters)}`,
  );
  const start = await startingPoint(config, resume, run);
  return { data, testData, length: await trainingLength(config, data.shards, signal), start };
}

async function identityOf(config: Config, data: Dataset): Promise<RunIdentity> {
  const first = await firstImage(data, config.on_error !== 'raise');
  const { height, width } = config.image_size === undefined ? first : parseImageSize(config.image_size);
  const shape = { height, width, channels: first.channels, classes: config.classes };
  return {
    network: designNetwork(shape, modelOptionsOf(config)),
    optimizer: optimizerOf(config),
    batchSize: config.batch_size,
    seed: config.seed,
    dataset: { fingerprint: data.fingerprint, shards: data.shards.length },
  };
}

async function startingPoint({ checkpoint: path }: Config, resume: boolean, run: RunIdentity): Promise<Checkpoint> {
  if (path !== undefined && resume) {
    const saved = await loadCheckpoint(path);
    checkSameRun(path, saved.run, run);
    printNote(`resumed=${path}  step=${saved.progress.step}`);
    return saved;
  }
  if (path !== undefined && (await exists(path))) {
    throw new TrainerError('CHECKPOINT_EXISTS', `the checkpoint "${path}" is there already; continue it with --resume, or remove it`);
  }
  const state = initialState(run.network, run.optimizer, run.seed);
  return { run, progress: { step: 0, position: FIRST_POSITION }, state, best: undefined };
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
