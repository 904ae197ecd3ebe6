import { availableParallelism } from 'node:os';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';

/** The data sets that the demo can make. */
export const DATA_SETS = ['digits', 'fashion-mnist', 'synthetic'] as const;

/** Name of a data set. */
export type DataSetName = (typeof DATA_SETS)[number];

/** What the person asked for. What was left out and depends on the data set is decided by `planDemo`. */
export interface DemoOptions {
  readonly dataset: DataSetName;
  readonly shards: number | undefined;
  readonly imagesPerShard: number | undefined;
  /** Width and height of synthetic images in pixels. */
  readonly size: number | undefined;
  readonly steps: number | undefined;
  readonly batchSize: number;
  readonly workers: number;
  readonly seed: number;
  /** How the trainer reads: `auto` mounts where that is possible. */
  readonly read: 'auto' | 'in-process';
  readonly keep: boolean;
  readonly json: boolean;
}

/** The command line is wrong; the message has been printed already when `printed`. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

const EXAMPLES = `
Examples:
  $ npm run demo                                                the real handwritten digits, about a minute
  $ npm run demo -- --dataset fashion-mnist                     70,000 images of Debian's dataset-fashion-mnist
  $ npm run demo -- --dataset synthetic --size 64 --shards 16 --images-per-shard 500
  $ npm run demo -- --json 2>/dev/null | tail -1 | jq .warm     only the numbers
  $ npm run demo -- --keep                                      look at the configuration, shards and logs afterwards

Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C.`;

/** More threads than this only queue behind each other on the small machines that the demo is for. */
const MAX_DEFAULT_WORKERS = 4;

/**
 * Reads the command line.
 *
 * @returns the options, or `undefined` when help was asked for and has been printed.
 * @throws {UsageError} when it is wrong; commander's message has been printed.
 */
export function parseOptions(
  args: readonly string[],
  write: { out: (text: string) => void; err: (text: string) => void },
): DemoOptions | undefined {
  const command = new Command('npm run demo --')
    .description('Runs the whole product on this machine: two storage accounts, mount, warm cache, training, metrics.')
    .exitOverride()
    .configureOutput({ writeOut: write.out, writeErr: write.err })
    .showHelpAfterError('(--help shows the options)')
    .addOption(new Option('--dataset <name>', 'what to train on').choices(DATA_SETS).default('digits'))
    .option('--shards <n>', 'training shards, at least 2 (default: 16; fashion-mnist 60, synthetic 8)', integerFrom(2, 1_000_000))
    .option('--images-per-shard <n>', 'images in a training shard (default: all that there are; synthetic 128)', integerFrom(1, 10_000_000))
    .option('--size <pixels>', 'width and height of synthetic images (default: 224)', integerFrom(16, 2048))
    .option(
      '--steps <n>',
      'training steps with the warm cache (default: 800; fashion-mnist 1000, synthetic 100)',
      integerFrom(1, 10_000_000),
    )
    .option('--batch-size <n>', 'images in a step', integerFrom(1, 65_536), 64)
    .option('--workers <n>', 'threads that read and decode; 0: none beside the trainer', integerFrom(0, 256), defaultWorkers())
    .option('--seed <n>', 'seed of the order, the weights and the synthetic images', integerFrom(0, 2 ** 31 - 1), 42)
    .addOption(
      new Option('--read <way>', 'read through the mount, or through the cache in this process')
        .choices(['auto', 'in-process'])
        .default('auto'),
    )
    .option('--keep', 'keep the work folder', false)
    .option('--json', 'print one JSON object on standard output, everything else on standard error', false)
    .addHelpText('after', EXAMPLES)
    .allowExcessArguments(false);
  try {
    command.parse([...args], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    throw new UsageError(error.message, { cause: error });
  }
  const options = command.opts<DemoOptions>();
  if (options.size !== undefined && options.dataset !== 'synthetic') {
    const message = `error: --size is for --dataset synthetic; the images of ${options.dataset} have their own size`;
    write.err(`${message}\n`);
    throw new UsageError(message);
  }
  return options;
}

function integerFrom(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= least && value <= most)) throw new InvalidArgumentError(`must be a whole number from ${least} to ${most}.`);
    return value;
  };
}

function defaultWorkers(): number {
  return Math.min(MAX_DEFAULT_WORKERS, availableParallelism());
}
