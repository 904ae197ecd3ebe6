import type { Compute, StepSettings } from '../compute/protocol.ts';
import { positionBehind } from '../data/batch-source.ts';
import type { DataPosition, PositionedBatch } from '../data/batch-source.ts';
import type { BatchesAhead } from '../data/batches-ahead.ts';
import { TrainerError } from '../errors.ts';
import type { TrainingObserver } from './observer.ts';
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
  /** From the place where `start` says that the next batch is; training also ends when they do. */
  readonly batches: BatchesAhead;
  readonly compute: Compute;
  /** Where to begin: nothing done, or what a checkpoint says. */
  readonly start: Progress;
  /** Steps in all, those before `start` included. */
  readonly steps: number;
  /** What the compute is told with a step besides the images; a pure function of the step, from 1. */
  readonly settingsOf: (step: number) => StepSettings;
  readonly logEvery: number;
  readonly saveEvery: number;
  /** Undefined: not in the course of the training. */
  readonly evaluateEvery: number | undefined;
  readonly observer: Pick<Required<TrainingObserver>, 'onStart' | 'onStep' | 'onWindow'>;
  /** Called every `saveEvery` steps and when training ends, is stopped, or gets no more data, unless nothing is new. Training waits for it. */
  readonly onSave: (progress: Progress) => Promise<void>;
  /** Called every `evaluateEvery` steps, before a checkpoint of the same step. Training waits for it; its time counts in no window. */
  readonly onEvaluate: (progress: Progress) => Promise<void>;
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

/** Trains until `steps` steps are done, there are no more batches, or the signal stops it. */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const { batches, compute, steps, settingsOf, logEvery, saveEvery, evaluateEvery, observer, onSave, onEvaluate, signal, now } = options;
  let step = options.start.step;
  let savedStep = step;
  /** The last batch that was trained on. It is held until the next one is there: its state is asked for only when there is a need to save. */
  let last: PositionedBatch | undefined;
  let lastWindow: WindowSummary | undefined;
  observer.onStart();
  const total = new Window(now());
  let window = new Window(now());

  const progress = (): Progress => (last === undefined ? options.start : { step, position: positionBehind(last) });
  const report = (): void => {
    lastWindow = window.summary(now());
    observer.onWindow(step, lastWindow);
    window = new Window(now());
  };
  const save = async (): Promise<void> => {
    if (savedStep === step) return;
    await onSave(progress());
    savedStep = step;
  };
  const evaluate = async (): Promise<void> => {
    const begun = now();
    await onEvaluate(progress());
    for (const each of [window, total]) each.exclude(now() - begun);
  };

  try {
    while (step < steps && !signal.aborted) {
      const asked = now();
      const next = await batches.next().catch(async (error: unknown) => {
        // What was learnt does not suffer from data that can't be read.
        await save();
        throw error;
      });
      if (next === undefined) break;
      const received = now();
      last?.batch.release();
      last = next;
      // The next batch is collected while this one is computed.
      if (step + 1 < steps) void batches.prefetch();
      const { batch } = next;
      const loss = await compute.train(batch, settingsOf(step + 1));
      const computed = now();
      if (!Number.isFinite(loss)) throw new TrainerError('DIVERGED', `the loss of step ${step + 1} is ${loss}; lower --learning-rate`);
      step++;
      const measure = { images: batch.size, dataMs: received - asked, computeMs: computed - received, loss };
      window.add(measure);
      total.add(measure);
      observer.onStep(step, measure, batch);
      if (step % logEvery === 0) report();
      if (evaluateEvery !== undefined && step % evaluateEvery === 0) await evaluate();
      if (step % saveEvery === 0) await save();
    }
    if (!window.isEmpty) report();
    const result = { progress: progress(), total: total.summary(now()), lastWindow };
    await save();
    return result;
  } finally {
    last?.batch.release();
  }
}
