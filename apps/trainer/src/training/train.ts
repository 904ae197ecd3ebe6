import type { Compute } from '../compute/protocol.ts';
import { endlessBatches } from '../data/batch-source.ts';
import type { BatchSource, DataPosition, PositionedBatch } from '../data/batch-source.ts';
import { checkLabels } from '../data/labels.ts';
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
  readonly source: BatchSource;
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
  const { compute, shape, steps, seed, logEvery, saveEvery, onWindow, onSave, signal, now } = options;
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

  await using batches = new BatchesAhead(options.source, progress.position, signal);
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
    checkLabels(batch, shape.classes);
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
  // Before the batches are given up: that may wait for a file system that no longer answers.
  await save();
  return result;
}

/** Learning rate of `step`, from 1: `first` at the first of `steps`, then falling in a straight line towards 0 behind the last. */
export function learningRateAt(first: number, step: number, steps: number): number {
  return first * (1 - (step - 1) / steps);
}

/** The endless batches, of which the next one can be asked for before it is needed. */
class BatchesAhead implements AsyncDisposable {
  readonly #batches: AsyncGenerator<PositionedBatch, void, undefined>;
  readonly #signal: AbortSignal;
  readonly #stopped = Promise.withResolvers<undefined>();
  #ahead: Promise<PositionedBatch | undefined> | undefined;

  constructor(source: BatchSource, start: DataPosition, signal: AbortSignal) {
    this.#batches = endlessBatches(source, start);
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#stopped.resolve(undefined), { once: true });
  }

  /** Asks for the next batch without waiting for it. A fault is kept for `next`. */
  prefetch(): void {
    this.#ahead ??= this.#batches.next().then(({ value }) => value ?? undefined);
    this.#ahead.catch(() => undefined);
  }

  /** The next batch; undefined once training is stopped, which may make the source fail. */
  async next(): Promise<PositionedBatch | undefined> {
    this.prefetch();
    try {
      const batch = await Promise.race([this.#stopped.promise, this.#ahead]);
      if (batch !== undefined) this.#ahead = undefined;
      return batch;
    } catch (error) {
      if (this.#signal.aborted) return undefined;
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // A batch that is no longer needed; if it failed, no one is concerned any more.
    const unused = await this.#ahead?.catch(() => undefined);
    unused?.batch.release();
    await this.#batches.return();
  }
}
