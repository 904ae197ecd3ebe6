import type { Compute } from '../compute/protocol.ts';
import type { DataPosition } from '../data/batch-source.ts';
import type { BatchesAhead } from '../data/batches-ahead.ts';
import { TrainerError } from '../errors.ts';
import type { ModelShape } from '../model/network.ts';
import { shiftOf } from '../model/random-shift.ts';
import { Window } from './window.ts';
import type { WindowSummary } from './window.ts';

/** How far training has come. */
export interface Progress {
  /** Steps done. */
  readonly step: number;
  /** Where the next batch is. */
  readonly position: DataPosition;
}

export interface TrainOptions {
  /** From the place where `start` says that the next batch is. */
  readonly batches: BatchesAhead;
  readonly compute: Compute;
  readonly shape: ModelShape;
  /** Where to begin: nothing done, or what a checkpoint says. */
  readonly start: Progress;
  /** Steps in all, those before `start` included. */
  readonly steps: number;
  readonly seed: number;
  /** Of the first step; it falls in a straight line to almost 0 at the last. */
  readonly learningRate: number;
  readonly logEvery: number;
  readonly saveEvery: number;
  /** A window of `logEvery` steps has ended, or training has; `step` steps are done. */
  readonly onWindow: (step: number, window: WindowSummary) => void;
  /** Called every `saveEvery` steps and when training ends, is stopped, or gets no more data, unless nothing is new. Training waits for it. */
  readonly onSave: (progress: Progress) => Promise<void>;
  /** Stops after the step under way, without an error; a wait for data ends at once. */
  readonly signal: AbortSignal;
  /** A clock in ms. */
  readonly now: () => number;
}

export interface TrainResult {
  readonly progress: Progress;
  /** Over this call, not over what a checkpoint had before. */
  readonly total: WindowSummary;
  /** The last one that was reported, if any step was done. */
  readonly lastWindow: WindowSummary | undefined;
}

/** Trains until `steps` steps are done or the signal stops it. */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const { batches, compute, shape, steps, seed, logEvery, saveEvery, onWindow, onSave, signal, now } = options;
  let progress = options.start;
  let saved = progress;
  let lastWindow: WindowSummary | undefined;
  const total = new Window(now());
  let window = new Window(now());
  const report = (): void => {
    lastWindow = window.summary(now());
    onWindow(progress.step, lastWindow);
    window = new Window(now());
  };
  const save = async (): Promise<void> => {
    if (saved === progress) return;
    await onSave(progress);
    saved = progress;
  };

  while (progress.step < steps && !signal.aborted) {
    const step = progress.step + 1;
    const asked = now();
    const next = await batches.next().catch(async (error: unknown) => {
      // What was learnt does not suffer from data that can't be read.
      await save();
      throw error;
    });
    if (next === undefined) break;
    const received = now();
    // The next batch is collected while this one is computed.
    if (step < steps) batches.prefetch();
    const { batch, position } = next;
    const settings = { step, learningRate: learningRateAt(options.learningRate, step, steps), shift: shiftOf(shape, seed, step) };
    const loss = await compute.train(batch, settings);
    const computed = now();
    batch.release();
    if (!Number.isFinite(loss)) throw new TrainerError('DIVERGED', `the loss of step ${step} is ${loss}; lower --learning-rate`);
    progress = { step, position };
    const measure = { images: batch.size, dataMs: received - asked, computeMs: computed - received, loss };
    window.add(measure);
    total.add(measure);
    if (step % logEvery === 0) report();
    if (step % saveEvery === 0) await save();
  }
  if (!window.isEmpty) report();
  const result = { progress, total: total.summary(now()), lastWindow };
  await save();
  return result;
}

/** Learning rate of `step`, from 1: `first` at the first of `steps`, then falling in a straight line towards 0 behind the last. */
export function learningRateAt(first: number, step: number, steps: number): number {
  return first * (1 - (step - 1) / steps);
}
