import type { Dataset } from './data/dataset.ts';
import type { SessionResult } from './session/session.ts';
import type { Evaluation } from './training/evaluate.ts';
import type { TrainingObserver } from './training/observer.ts';
import { logLine } from './training/window.ts';

/** Results go to standard output; what only a person at the terminal wants to know goes to standard error. */

export function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function printNote(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Prints a line for each window, and for each evaluation on the way. */
export const LOG: TrainingObserver = {
  onWindow: (step, window) => printLine(logLine(step, window)),
  onEvaluation: (step, evaluation, when) => {
    if (when === 'on-the-way') printLine(`eval_step=${step}  ${evaluationLine(evaluation)}`);
  },
};

export function printDataset(dataset: Dataset): void {
  for (const { path, shards } of dataset.roots) printNote(`root=${path}  shards=${shards.length}`);
}

export function printEvaluation(evaluation: Evaluation): void {
  printLine(evaluationLine(evaluation));
}

function evaluationLine({ accuracy, loss, images }: Evaluation): string {
  return `test_accuracy=${accuracy.toFixed(4)}  test_loss=${loss.toFixed(4)}  test_images=${images}`;
}

/** The fields of an evaluation as the JSON results have them. */
export function evaluationFields({ accuracy, loss, images }: Evaluation): Record<'testAccuracy' | 'testLoss' | 'testImages', number> {
  return { testAccuracy: accuracy, testLoss: loss, testImages: images };
}

/** The fields of a training as the JSON results have them. */
export function resultFields({ progress, total, lastWindow, read, firstBatchMs, evaluation }: SessionResult): Record<string, unknown> {
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
    firstBatchMs,
    bytesRead: Object.fromEntries(read.bytesByRoot.map(({ root, bytes }) => [root, bytes])),
    skipped: read.skipped,
    ...(evaluation && evaluationFields(evaluation)),
  };
}
