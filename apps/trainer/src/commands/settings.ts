import { Option } from 'commander';
import type { Command } from 'commander';
import { FLAGS, flagOf, groupOf, isList, isSwitch } from '../config/flags.ts';
import type { Overrides } from '../config/load.ts';
import type { ConfigKey } from '../config/schema.ts';

/** What a training consists of, whatever is done with its result. */
export const TRAINING_KEYS: readonly ConfigKey[] = [
  'train_root_a',
  'train_root_b',
  'train_roots',
  'steps',
  'epochs',
  'batch_size',
  'num_workers',
  'seed',
  'log_every',
  'learning_rate',
  'schedule',
  'warmup_steps',
  'model',
  'width',
  'depth',
  'batch_norm',
  'optimizer',
  'momentum',
  'weight_decay',
  'device',
  'augment',
  'on_error',
  'max_failures',
  'classes',
  'image_size',
  'threads',
];

/** One of them must be given. */
export const NEEDS_A_ROOT = ['train_root_a', 'train_root_b', 'train_roots'] as const satisfies readonly ConfigKey[];

/** Adds `--config` and a flag for each of `keys`. They have no defaults: a flag that is absent must not replace the file's value. */
export function addSettings(command: Command, keys: readonly ConfigKey[]): Command {
  command.option('-c, --config <file>', 'settings as YAML; flags replace its values');
  for (const key of keys) command.addOption(optionOf(key));
  return command;
}

/** The values that were given by flags, as commander collected them. */
export function overridesOf(options: Readonly<Record<string, unknown>>, keys: readonly ConfigKey[]): Overrides {
  const given = keys.map((key): [ConfigKey, unknown] => [key, options[optionOf(key).attributeName()]]);
  return Object.fromEntries(given.filter(([, value]) => value !== undefined));
}

function optionOf(key: ConfigKey): Option {
  const [value, meaning] = FLAGS[key];
  const flags = isSwitch(key) ? `${flagOf(key)} [${value}]` : `${flagOf(key)} <${value}>`;
  const option = new Option(flags, meaning).helpGroup(groupOf(key));
  return isList(key) ? option.argParser((item, before: readonly string[] | undefined) => [...(before ?? []), item]) : option;
}
