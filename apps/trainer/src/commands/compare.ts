import { Command } from 'commander';
import type { ConfigKey } from '../config/schema.ts';
import { addSettings, NEEDS_A_ROOT, overridesOf, TRAINING_KEYS } from './settings.ts';

const KEYS: readonly ConfigKey[] = [...TRAINING_KEYS, 'report'];

interface Options {
  readonly config?: string;
  readonly json?: true;
}

/** `warpforge-train compare` */
export function compareCommand(): Command {
  return addSettings(
    new Command('compare').description('Train twice on the same images in the same order, with cold and then with warm caches.'),
    KEYS,
  )
    .option('--json', 'print the result as one JSON object, as the last line')
    .addHelpText(
      'after',
      `
The first run reads the data as it is found: nothing is emptied before it. For a cold one, compare right after mounting with an empty
cache directory. The second run does the same again, and finds in the caches what the first one has read.

Examples:
  $ warpforge-train compare --train-root-a /wd/datasets-cac/train --train-root-b /wd/datasets-wus3/train --steps 200
  $ warpforge-train compare --config train.yaml --steps 200 --report compare.html --json`,
    )
    .action(async (options: Options) => {
      const { loadConfig } = await import('../config/load.ts');
      const config = await loadConfig({ file: options.config, overrides: overridesOf({ ...options }, KEYS), needs: [NEEDS_A_ROOT] });
      const { interruptible } = await import('../interrupt.ts');
      const { compare } = await import('../compare.ts');
      await interruptible((signal) => compare(config, { json: options.json ?? false }, signal));
    });
}
