import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GraphRunner } from '../src/compute/graph-runner.ts';
import { FIRST_POSITION } from '../src/data/batch-source.ts';
import type { Batch, BatchSource } from '../src/data/batch-source.ts';
import { BatchesAhead } from '../src/data/batches-ahead.ts';
import { networkOf } from '../src/model/network.ts';
import { initialState } from '../src/model/training-state.ts';
import { loadCheckpoint, saveCheckpoint } from '../src/training/checkpoint.ts';
import type { Checkpoint } from '../src/training/checkpoint.ts';
import { observers } from '../src/training/observer.ts';
import { learningRateAt } from '../src/training/schedule.ts';
import { train } from '../src/training/train.ts';
import { samples } from './run-graph.ts';
import { temporaryFolder } from './shards.ts';

const STEPS = 12;
const BATCHES = 5;
const SCHEDULE = { shape: 'cosine', learningRate: 0.05, warmupSteps: 4, steps: STEPS } as const;
const network = networkOf({ height: 28, width: 28, channels: 1, classes: 3 }, { model: 'cnn', widths: [2, 4, 4], batchNorm: true });
const optimizer = { kind: 'adamw', weightDecay: 0.01 } as const;

function* batches(n: number, first: number): Generator<Batch> {
  for (let index = first; index < BATCHES; index++) {
    const pixels = Uint8Array.from(samples(4 * 784, n * BATCHES + index + 1), (value) => Math.round((value + 1) * 127.5));
    const labels = Int32Array.of(0, 1, 2, index % 3);
    yield { size: 4, pixels, labels, keys: [], state: () => ({ n, index }), release: () => undefined };
  }
}

/** Epochs of different images. */
const source: BatchSource = {
  epoch: (n) => batches(n, 0),
  resume: (state) => {
    const { n, index } = state as { n: number; index: number };
    return batches(n, index + 1);
  },
};

const beginning: Checkpoint = {
  run: { network, optimizer, batchSize: 4, seed: 42, dataset: { fingerprint: '', shards: 1 } },
  progress: { step: 0, position: FIRST_POSITION },
  state: initialState(network, optimizer, 42),
  best: undefined,
};

/** Trains on from a checkpoint until `stopAfter` steps are done; gives the loss of each step and the new checkpoint. */
async function trainFrom({ run, progress, state }: Checkpoint, stopAfter: number): Promise<{ losses: number[]; checkpoint: Checkpoint }> {
  await using compute = await GraphRunner.open({ network, optimizer, batchSize: 4, device: 'cpu', threads: 2, state, first: 'train' });
  const abort = new AbortController();
  const losses: number[] = [];
  await using ahead = new BatchesAhead(source, progress.position, Infinity, abort.signal);
  const result = await train({
    batches: ahead,
    compute,
    start: progress,
    steps: STEPS,
    settingsOf: (step) => ({ step, learningRate: learningRateAt(SCHEDULE, step) }),
    logEvery: 1,
    saveEvery: 100,
    evaluateEvery: undefined,
    observer: observers([
      {
        onStep: (step, { loss }) => {
          losses.push(loss);
          if (step === stopAfter) abort.abort();
        },
      },
    ]),
    onSave: () => Promise.resolve(),
    onEvaluate: () => Promise.resolve(),
    signal: abort.signal,
    now: () => performance.now(),
  });
  return { losses, checkpoint: { run, progress: result.progress, state: await compute.state(), best: undefined } };
}

describe('resuming', () => {
  it('continues exactly: any cuts, however many, give the losses and weights of the run without cuts', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'state.safetensors');
    const whole = await trainFrom(beginning, STEPS);
    expect(whole.losses).toHaveLength(STEPS);
    expect(new Set(whole.losses).size).toBe(STEPS);
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.integer({ min: 1, max: STEPS - 1 }), { maxLength: 4 }), async (cuts) => {
        let checkpoint = beginning;
        const losses: number[] = [];
        for (const stop of [...cuts.toSorted((a, b) => a - b), STEPS]) {
          const part = await trainFrom(checkpoint, stop);
          losses.push(...part.losses);
          await saveCheckpoint(path, part.checkpoint);
          checkpoint = await loadCheckpoint(path);
        }
        expect(losses).toEqual(whole.losses);
        expect(checkpoint).toEqual(whole.checkpoint);
      }),
      { numRuns: 15 },
    );
  });
});
