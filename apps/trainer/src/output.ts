import type { Dataset } from './data/dataset.ts';
import type { Evaluation } from './training/evaluate.ts';

/** Results go to standard output; what only a person at the terminal wants to know goes to standard error. */

export function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function printNote(line: string): void {
  process.stderr.write(`${line}\n`);
}

export function printDataset(dataset: Dataset): void {
  for (const { path, shards } of dataset.roots) printNote(`root=${path}  shards=${shards.length}`);
}

export function printEvaluation({ accuracy, loss, images }: Evaluation): void {
  printLine(`test_accuracy=${accuracy.toFixed(4)}  test_loss=${loss.toFixed(4)}  test_images=${images}`);
}

/** The fields of an evaluation as the JSON results have them. */
export function evaluationFields({ accuracy, loss, images }: Evaluation): Record<'testAccuracy' | 'testLoss' | 'testImages', number> {
  return { testAccuracy: accuracy, testLoss: loss, testImages: images };
}
