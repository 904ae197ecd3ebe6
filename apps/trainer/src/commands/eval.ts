import { Command } from 'commander';
import type { ConfigKey } from '../config/schema.ts';
import { addSettings, overridesOf } from './settings.ts';

const KEYS: readonly ConfigKey[] = [
  'checkpoint',
  'eval_roots',
  'batch_size',
  'num_workers',
  'threads',
  'device',
  'on_error',
  'max_failures',
];

interface Options {
  readonly config?: string;
  readonly json?: true;
}

/** `warpforge-train eval` */
export function evalCommand(): Command {
  return addSettings(new Command('eval').description('Test accuracy of a checkpoint on the images of WebDataset shards.'), KEYS)
    .option('--json', 'print the result as one JSON object, as the last line')
    .addHelpText(
      'after',
      `
Examples:
  $ warpforge-train eval --checkpoint state.safetensors --eval-root /wd/datasets-cac/test
  $ warpforge-train eval --config train.yaml --json`,
    )
    .action(async (options: Options) => {
      const { loadConfig } = await import('../config/load.ts');
      const config = await loadConfig({
        file: options.config,
        overrides: overridesOf({ ...options }, KEYS),
        needs: [['checkpoint'], ['eval_roots']],
      });
      const { interruptible } = await import('../interrupt.ts');
      const { evaluateCheckpoint } = await import('../evaluate-checkpoint.ts');
      await interruptible((signal) => evaluateCheckpoint(config, { json: options.json ?? false }, signal));
    });
}
