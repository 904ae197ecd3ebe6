import { fileURLToPath } from 'node:url';
import type { JobContext } from '../job-context.ts';
import { JsonAnswer } from '../json-answer.ts';
import { total } from '../metrics.ts';
import { NETWORK_BYTES, type ShardReading } from '../reading/shard-reading.ts';

const TRAINER = fileURLToPath(new URL('../../../apps/trainer/bin/warpforge-train.mjs', import.meta.url));

/** Log lines of a whole training, about. */
const LOG_LINES = 5;

/** What one training run came to. */
export interface TrainingRun {
  readonly steps: number;
  readonly imagesPerSec: number;
  /** Mean milliseconds that a step waited for data. */
  readonly dataMs: number;
  /** Mean milliseconds that a step computed. */
  readonly computeMs: number;
  /** Bytes that crossed the network during the run. */
  readonly networkBytes: number;
  /** Start of the trainer to its end, evaluation included. */
  readonly wallMs: number;
  readonly loss: number;
  /** From 0 to 1; absent when the run did not evaluate. */
  readonly testAccuracy: number | undefined;
}

/** Trains on the shards through files only, with the trainer's own log lines shown as they are. */
export async function train(
  context: JobContext,
  reading: ShardReading,
  run: { readonly name: string; readonly steps: number; readonly evaluate: boolean },
): Promise<TrainingRun> {
  const { options, supervisor, terminal, work } = context;
  const before = await reading.counters();
  const startedMs = performance.now();
  await using files = await reading.files(run.evaluate ? ['train', 'test'] : ['train']);
  const [rootA = '', rootB = ''] = files.root('train');
  const flags = [
    ...['--train-root-a', rootA, '--train-root-b', rootB],
    ...['--steps', String(run.steps), '--batch-size', String(options.batchSize), '--num-workers', String(options.workers)],
    ...['--seed', String(options.seed), '--log-every', String(Math.max(1, Math.ceil(run.steps / LOG_LINES)))],
    ...(run.evaluate ? files.root('test').flatMap((root) => ['--eval-root', root]) : []),
    '--json',
  ];
  const answer = await supervisor.runPart({
    name: 'warpforge-train',
    command: [process.execPath, TRAINER, 'run', ...flags],
    logFile: work.file('logs', `${run.name}.log`),
    onLine: (line) => {
      if (!line.startsWith('{')) terminal.line(line);
    },
  });
  const wallMs = performance.now() - startedMs;
  const networkBytes = total(await reading.counters(), NETWORK_BYTES) - total(before, NETWORK_BYTES);
  return withWaiting({ ...parseAnswer(answer), networkBytes, wallMs }, files.waitedMs, options.batchSize);
}

/** Time before the first file was there is time that the steps have waited for data, too. */
function withWaiting(run: TrainingRun, waitedMs: number, batchSize: number): TrainingRun {
  const images = run.steps * batchSize;
  return {
    ...run,
    dataMs: run.dataMs + waitedMs / run.steps,
    imagesPerSec: images / (images / run.imagesPerSec + waitedMs / 1000),
  };
}

function parseAnswer(line: string): Omit<TrainingRun, 'networkBytes' | 'wallMs'> {
  const answer = JsonAnswer.parse('warpforge-train', line);
  return {
    steps: answer.number('steps'),
    imagesPerSec: answer.number('imagesPerSec'),
    dataMs: answer.number('dataMs'),
    computeMs: answer.number('computeMs'),
    loss: answer.number('loss'),
    testAccuracy: answer.has('testAccuracy') ? answer.number('testAccuracy') : undefined,
  };
}
