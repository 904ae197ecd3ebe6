import { Command, InvalidArgumentError, Option } from 'commander';
import type { ConfigKey } from '../config/schema.ts';
import { addSettings, NEEDS_A_ROOT, overridesOf, TRAINING_KEYS } from './settings.ts';

const KEYS: readonly ConfigKey[] = [
  ...TRAINING_KEYS,
  'eval_roots',
  'eval_every',
  'checkpoint',
  'checkpoint_every',
  'export',
  'report',
  'metrics_addr',
];

/** Enough that no two steps in a row see the same one, and 300 MB at 224 x 224 x 3 and 64 images a batch. */
const BATCHES_IN_MEMORY = '32';

interface Options {
  readonly config?: string;
  readonly resume?: true;
  readonly json?: true;
  readonly fromMemory?: number;
}

/** `warpforge-train run` */
export function runCommand(): Command {
  return addSettings(new Command('run').description('Train a network on the images of WebDataset shards.'), KEYS)
    .option('--resume', 'continue from --checkpoint, exactly where it ended')
    .option('--json', 'print the result as one JSON object, as the last line')
    .addOption(
      new Option('--from-memory [batches]', 'benchmark: load some batches first, and train on these alone')
        .argParser(positiveInteger)
        .preset(BATCHES_IN_MEMORY)
        .hideHelp(),
    )
    .addHelpText(
      'after',
      `
Examples:
  $ warpforge-train run --train-root-a /wd/datasets-cac/train --train-root-b /wd/datasets-wus3/train
  $ warpforge-train run --config train.yaml --epochs 3 --eval-root /wd/datasets-cac/test --eval-every 200 --report report.html
  $ warpforge-train run --config train.yaml --checkpoint state.safetensors            Ctrl-C keeps what was learnt
  $ warpforge-train run --config train.yaml --checkpoint state.safetensors --resume   goes on where it stopped

Settings file (all keys are optional, and the same as the flags):
  train_root_a: /wd/datasets-cac/train
  train_root_b: /wd/datasets-wus3/train
  steps: 2000
  batch_size: 64`,
    )
    .action(async (options: Options) => {
      const { loadConfig } = await import('../config/load.ts');
      const config = await loadConfig({
        file: options.config,
        overrides: overridesOf({ ...options }, KEYS),
        needs: [NEEDS_A_ROOT, ...(options.resume ? [['checkpoint'] as const] : [])],
      });
      const { interruptible } = await import('../interrupt.ts');
      const { run } = await import('../run.ts');
      await interruptible((signal) =>
        run(config, { resume: options.resume ?? false, json: options.json ?? false, fromMemory: options.fromMemory }, signal),
      );
    });
}

function positiveInteger(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('Expected a whole number of at least 1.');
  return Number(text);
}
