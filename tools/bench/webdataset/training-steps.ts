import { join } from 'node:path';
import type { Progress } from '../reading.ts';
import { compare, median, ratioOf, type Series } from '../rounds.ts';
import { trainer, trainingCommand, type TrainingResult, writeDigits } from '../training.ts';
import type { Verdict } from '../verdict.ts';

/** The trainer on shards in the page cache: what its steps wait for data, and its rate against the same graph fed from memory. */
export async function compareTrainingSteps(folder: string, progress: Progress): Promise<Verdict[]> {
  progress('Training on digits: from shards, and from memory');
  const root = join(folder, 'digits');
  await writeDigits(root);
  const results: TrainingResult[] = [];
  const contenders = [trainer('fed from memory', root, ['--from-memory']), trainer('shards', root, [], (result) => results.push(result))];
  const series = await compare(contenders, (name, round, value) =>
    progress(`  ${round === 0 ? 'warm-up' : `round ${round}`}  ${name}: ${Math.round(value).toLocaleString('en-US')} images/s`),
  );
  const [memory, shards] = series as [Series, Series];
  // The first result is of the warm-up round.
  const shares = results.slice(1).map(({ dataMs, computeMs }) => (100 * dataMs) / (dataMs + computeMs));
  return [
    {
      question: 'Share of a warm training step that waits for data (cnn, batch 64, 8 workers)',
      value: median(shares),
      bar: 5,
      aim: 1,
      sense: 'at-most',
      unit: '%',
      series: [{ name: 'data_ms / (data_ms + compute_ms)', values: shares, median: median(shares) }],
      seriesUnit: '%',
      commands: [trainingCommand('<folder>')],
    },
    {
      question: "Trainer's images/s from shards against the same graph fed from memory",
      value: ratioOf(shards, memory),
      bar: 0.9,
      aim: 0.98,
      sense: 'at-least',
      unit: 'ratio',
      series,
      seriesUnit: 'images/s',
      commands: [trainingCommand('<folder>'), trainingCommand('<folder>', ['--from-memory'])],
    },
  ];
}
