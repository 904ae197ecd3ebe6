import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Progress } from '../reading.ts';
import { compare, median, ratioOf, type Contender, type Series } from '../rounds.ts';
import { TRAINER, writeDigits } from '../training.ts';
import type { Verdict } from '../verdict.ts';

const run = promisify(execFile);

/** Some seconds of warm steps, behind as many as it takes until all eight threads run compiled code. */
const STEPS = 300;
const WINDOW = 100;

/** Means over the warm steps of a training: all but those of its first window, in which threads start. */
interface WarmSteps {
  readonly imagesPerSec: number;
  readonly dataMs: number;
  readonly computeMs: number;
}

/** The trainer on shards in the page cache: what its steps wait for data, and its rate against the same graph fed from memory. */
export async function compareTrainingSteps(folder: string, progress: Progress): Promise<Verdict[]> {
  progress('Training on digits: from shards, and from memory');
  const root = join(folder, 'digits');
  await writeDigits(root);
  const runs: WarmSteps[] = [];
  // In a clone, every thread strips the types off its modules; what is published has none.
  process.env['NODE_COMPILE_CACHE'] ??= join(folder, 'compiled');
  const contenders = [trainer('fed from memory', [...argumentsFor(root), '--from-memory']), trainer('shards', argumentsFor(root), runs)];
  const series = await compare(contenders, (name, round, value) =>
    progress(`  ${round === 0 ? 'warm-up' : `round ${round}`}  ${name}: ${Math.round(value).toLocaleString('en-US')} images/s`),
  );
  const [memory, shards] = series as [Series, Series];
  // The first run is of the warm-up round.
  const shares = runs.slice(1).map(({ dataMs, computeMs }) => (100 * dataMs) / (dataMs + computeMs));
  const command = `warpforge-train ${argumentsFor('<folder>').join(' ')}`;
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
      commands: [command],
    },
    {
      question: 'Images/s of warm training steps from shards against the same graph fed from memory',
      value: ratioOf(shards, memory),
      bar: 0.9,
      aim: 0.98,
      sense: 'at-least',
      unit: 'ratio',
      series,
      seriesUnit: 'images/s',
      commands: [command, `${command} --from-memory`],
    },
  ];
}

function argumentsFor(root: string): string[] {
  const settings = { 'train-root': root, model: 'cnn', steps: STEPS, 'batch-size': 64, 'num-workers': 8, 'log-every': WINDOW };
  return ['run', ...Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])];
}

function trainer(name: string, args: readonly string[], runs: WarmSteps[] = []): Contender {
  return {
    name,
    async measure() {
      const { stdout } = await run(process.execPath, [TRAINER, ...args]);
      const steps = warmSteps(stdout);
      runs.push(steps);
      return steps.imagesPerSec;
    },
  };
}

/** Reads the log lines of a training. */
function warmSteps(log: string): WarmSteps {
  const windows = log
    .split('\n')
    .filter((line) => line.startsWith('step='))
    .slice(1)
    .map((line) => new Map(Array.from(line.matchAll(/(\w+)=(\S+)/g), ([, name = '', value]): [string, number] => [name, Number(value)])));
  const mean = (name: string, of: (value: number) => number): number =>
    windows.reduce((sum, window) => sum + of(window.get(name) ?? Number.NaN), 0) / windows.length;
  return {
    // Windows have as many images each, so it is their times that are averaged.
    imagesPerSec: 1 / mean('images_per_sec', (value) => 1 / value),
    dataMs: mean('data_ms', (value) => value),
    computeMs: mean('compute_ms', (value) => value),
  };
}
