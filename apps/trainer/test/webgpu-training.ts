import { ComputeThread } from '../src/compute/compute-thread.ts';
import type { ComputeSetup, EvaluationSums, LabelledImages } from '../src/compute/protocol.ts';
import { networkOf } from '../src/model/network.ts';
import { initialState } from '../src/model/training-state.ts';
import { samples } from './run-graph.ts';

/** A short training on a device, in its thread. As a program, with `webgpu` for an argument, it prints its result as JSON. */

export interface TrainingResult {
  readonly losses: readonly number[];
  readonly evaluation: EvaluationSums;
  readonly state: Readonly<Record<string, readonly number[]>>;
}

const network = networkOf({ height: 9, width: 8, channels: 3, classes: 4 }, { model: 'cnn', widths: [4], batchNorm: true });
const optimizer = { kind: 'adamw', weightDecay: 0.01 } as const;
const BATCH = 5;

export async function trainOn(device: ComputeSetup['device']): Promise<TrainingResult> {
  const state = initialState(network, optimizer, 3);
  await using compute = new ComputeThread({ network, optimizer, batchSize: BATCH, device, threads: 1, state, first: 'train' });
  const losses: number[] = [];
  for (let step = 1; step <= 3; step++) losses.push(await compute.train(images(BATCH, step), { step, learningRate: 0.02 }));
  // A batch that is not full.
  const evaluation = await compute.evaluate(images(3, 1));
  const vectors = Object.entries(await compute.state());
  return { losses, evaluation, state: Object.fromEntries(vectors.map(([name, vector]) => [name, [...vector]])) };
}

function images(size: number, seed: number): LabelledImages {
  const pixels = Uint8Array.from(samples(size * 9 * 8 * 3, seed), (value) => Math.round((value + 1) * 127.5));
  return { size, pixels, labels: Int32Array.from({ length: size }, (_, index) => index % 4) };
}

if (process.argv[2] === 'webgpu') process.stdout.write(JSON.stringify(await trainOn('webgpu')));
