import { extname } from 'node:path';
import type { TrainingState } from '../model/training-state.ts';
import { saveCheckpoint } from './checkpoint.ts';
import type { BestEvaluation, Checkpoint, RunIdentity } from './checkpoint.ts';
import type { Evaluation } from './evaluate.ts';
import type { Progress } from './train.ts';

/** Keeps two checkpoints of a training: the latest state under the path, and beside it the one that was evaluated best. */
export class CheckpointKeeper {
  readonly path: string;
  readonly #run: RunIdentity;
  #best: BestEvaluation | undefined;

  constructor(path: string, { run, best }: Pick<Checkpoint, 'run' | 'best'>) {
    this.path = path;
    this.#run = run;
    this.#best = best;
  }

  /** The best evaluation so far, those before a `--resume` included. */
  get best(): BestEvaluation | undefined {
    return this.#best;
  }

  /** Replaces the latest checkpoint. */
  async saveLatest(progress: Progress, state: TrainingState): Promise<void> {
    await saveCheckpoint(this.path, { run: this.#run, progress, state, best: this.#best });
  }

  /** Replaces the best checkpoint, if this evaluation of the state is better than all before. Returns whether it is. */
  async offer(evaluation: Evaluation, progress: Progress, state: () => Promise<TrainingState>): Promise<boolean> {
    if (this.#best !== undefined && !isBetter(evaluation, this.#best)) return false;
    const best = { step: progress.step, ...evaluation };
    await saveCheckpoint(bestPath(this.path), { run: this.#run, progress, state: await state(), best });
    this.#best = best;
    return true;
  }
}

/** `state.safetensors` is `state.best.safetensors`; without an ending, `.best` becomes the ending. */
export function bestPath(path: string): string {
  const ending = extname(path);
  return `${path.slice(0, path.length - ending.length)}.best${ending}`;
}

/** More images right; of as many, those with less loss. */
function isBetter(now: Evaluation, before: Evaluation): boolean {
  return now.accuracy > before.accuracy || (now.accuracy === before.accuracy && now.loss < before.loss);
}
