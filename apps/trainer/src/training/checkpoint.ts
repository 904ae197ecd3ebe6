import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { TrainerError } from '../errors.ts';
import { describeDesign, networkOf } from '../model/network.ts';
import type { Network } from '../model/network.ts';
import { describeOptimizer } from '../model/optimizer.ts';
import type { Optimizer } from '../model/optimizer.ts';
import { elementCount, stateVectors, tensorsOf, vectorOf } from '../model/training-state.ts';
import type { TrainingState } from '../model/training-state.ts';
import type { Evaluation } from './evaluate.ts';
import { decodeTensors, encodeTensors } from './safetensors.ts';
import type { NamedTensor } from './safetensors.ts';
import type { Progress } from './train.ts';
import { writeFileAtomically } from './write-file.ts';

/**
 * A checkpoint is a safetensors file, so other programs can read its weights. Tensors: each parameter and each statistic of the network
 * under its name, and what the optimizer keeps of a parameter under `<what>.<name>`, as `first_moment.<name>`. Metadata: `format`, `run`
 * (everything else, as JSON) and `sha256`, in hex, of the text `run` followed by the data of all tensors in their order.
 */

const FORMAT = 'warpforge-checkpoint/2';

/** What makes a run the one it is: a checkpoint continues only the same one. */
export interface RunIdentity {
  readonly network: Network;
  readonly optimizer: Optimizer;
  readonly batchSize: number;
  readonly seed: number;
  readonly dataset: { readonly fingerprint: string; readonly shards: number };
}

/** The best evaluation so far, and after which step it was. */
export interface BestEvaluation extends Evaluation {
  readonly step: number;
}

export interface Checkpoint {
  readonly run: RunIdentity;
  readonly progress: Progress;
  readonly state: TrainingState;
  /** Undefined as long as there was no evaluation in the course of the training. */
  readonly best: BestEvaluation | undefined;
}

const COUNT = z.int().min(0);
const DESIGN = z.discriminatedUnion('model', [
  z.object({ model: z.literal('softmax') }),
  z.object({ model: z.literal('cnn'), widths: z.array(COUNT), batchNorm: z.boolean() }),
]);
const OPTIMIZER = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('sgd'), momentum: z.number(), weightDecay: z.number() }),
  z.object({ kind: z.literal('adamw'), weightDecay: z.number() }),
]);
const RUN = z.object({
  height: COUNT,
  width: COUNT,
  channels: z.literal([1, 3]),
  classes: COUNT,
  design: DESIGN,
  optimizer: OPTIMIZER,
  batch_size: COUNT,
  seed: COUNT,
  dataset: z.object({ fingerprint: z.string(), shards: COUNT }),
  step: COUNT,
  epoch: COUNT,
  batch: COUNT,
  data: z.unknown().optional(),
  best: z.object({ step: COUNT, accuracy: z.number(), loss: z.number(), images: COUNT }).optional(),
});

/** Writes the file, replacing an earlier one only when it is complete. */
export async function saveCheckpoint(path: string, checkpoint: Checkpoint): Promise<void> {
  if (!vectorOf(checkpoint.state, 'weights').every(Number.isFinite)) {
    throw new TrainerError(
      'DIVERGED',
      `after step ${checkpoint.progress.step} weights are not finite, and are not saved; lower --learning-rate`,
    );
  }
  await writeFileAtomically(path, encodeCheckpoint(checkpoint));
}

/** Reads a checkpoint, checked to the last byte. */
export async function loadCheckpoint(path: string): Promise<Checkpoint> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new TrainerError('CHECKPOINT_MISSING', `cannot read the checkpoint "${path}": ${reason}`, { cause });
  }
  try {
    return decodeCheckpoint(bytes);
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? z.prettifyError(cause) : cause instanceof Error ? cause.message : String(cause);
    throw new TrainerError('CHECKPOINT_CORRUPT', `"${path}" is damaged or no checkpoint of warpforge-train: ${reason}`, { cause });
  }
}

/** Throws unless a checkpoint of `saved` can be continued by `now`; names all differences. */
export function checkSameRun(path: string, saved: RunIdentity, now: RunIdentity): void {
  const differences: string[] = [];
  const compare = (what: string, before: string | number, after: string | number): void => {
    if (before !== after) differences.push(`${what} was ${before} and is ${after}`);
  };
  compare('the image size', imageSize(saved.network), imageSize(now.network));
  compare('the number of classes', saved.network.shape.classes, now.network.shape.classes);
  compare('the batch size', saved.batchSize, now.batchSize);
  compare('the seed', saved.seed, now.seed);
  compare('the network', describeDesign(saved.network.design), describeDesign(now.network.design));
  compare('the optimizer', describeOptimizer(saved.optimizer), describeOptimizer(now.optimizer));
  if (saved.dataset.fingerprint !== now.dataset.fingerprint) {
    differences.push(
      `the data set is another one (${saved.dataset.shards} shards then, ${now.dataset.shards} now; names, sizes and order count)`,
    );
  }
  if (differences.length === 0) return;
  throw new TrainerError(
    'CHECKPOINT_MISMATCH',
    `"${path}" is of another run: ${differences.join('; ')}. Give the same settings, or train anew without --resume`,
  );
}

function encodeCheckpoint({ run, progress, state, best }: Checkpoint): Uint8Array {
  const { network, optimizer, batchSize, seed, dataset } = run;
  const { epoch, batch, state: data } = progress.position;
  const facts = {
    ...network.shape,
    design: network.design,
    optimizer,
    batch_size: batchSize,
    seed,
    dataset,
    step: progress.step,
    epoch,
    batch,
    data,
    best,
  };
  const text = JSON.stringify(facts);
  const tensors = stateVectors(network, optimizer).flatMap((vector) => tensorsOf(vector, vectorOf(state, vector.name)));
  return encodeTensors({ metadata: { format: FORMAT, run: text, sha256: digest(text, tensors) }, tensors });
}

function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  const { metadata, tensors } = decodeTensors(bytes);
  const { format, run: text = '', sha256 } = metadata;
  if (format !== FORMAT) throw new Error(`its format is ${format ?? 'unknown'}, not ${FORMAT}`);
  if (digest(text, tensors) !== sha256) throw new Error('its checksum is wrong');
  const facts = RUN.parse(JSON.parse(text));
  const { height, width, channels, classes, design, optimizer, batch_size, seed, dataset, step, epoch, batch, data, best } = facts;
  const network = networkOf({ height, width, channels, classes }, design);
  const byName = new Map(tensors.map((tensor) => [tensor.name, tensor.data]));
  const state: Record<string, Float32Array> = {};
  for (const vector of stateVectors(network, optimizer)) {
    const whole = (state[vector.name] = new Float32Array(elementCount(vector.tensors)));
    for (const { name, data: part } of tensorsOf(vector, whole)) {
      const stored = byName.get(name);
      if (stored?.length !== part.length) throw new Error(`the tensor ${name} is missing or has another size`);
      part.set(stored);
    }
  }
  const position = { epoch, batch, ...(data === undefined ? {} : { state: data }) };
  return { run: { network, optimizer, batchSize: batch_size, seed, dataset }, progress: { step, position }, state, best };
}

function digest(text: string, tensors: readonly NamedTensor[]): string {
  const hash = createHash('sha256').update(text);
  for (const { data } of tensors) hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return hash.digest('hex');
}

function imageSize(network: Network): string {
  const { height, width, channels } = network.shape;
  return `${height}x${width}x${channels}`;
}
