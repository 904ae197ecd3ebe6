import { SETTING_GROUPS, SETTING_KEYS, settingFlag, SETTINGS, type SettingGroup, type SettingKey } from '@warpforge/azure-infra/settings';
import { Option, type Command } from 'commander';

/** The settings file that is read when no other is named, where there is one. */
export const DEFAULT_SETTINGS_FILE = 'warpforge.yaml';

/** Where outputs.json is when nothing else is said. */
export const DEFAULT_OUTPUT_FOLDER = '.warpforge';

/** Adds `--settings` and the flags of some groups of settings. They have no defaults: an absent flag must not replace another source. */
export function addSettingsOptions(command: Command, groups: readonly SettingGroup[]): Command {
  return addSettingOptions(
    command,
    SETTING_KEYS.filter((key) => groups.includes(SETTINGS[key].group)),
  );
}

/** As {@link addSettingsOptions}, for some settings of groups. */
export function addSettingOptions(command: Command, keys: readonly SettingKey[]): Command {
  command.option('--settings <file>', `settings as YAML (default: ${DEFAULT_SETTINGS_FILE}, where there is one)`);
  for (const key of keys) {
    const option = settingOption(key);
    if (option !== undefined) command.addOption(option);
  }
  return command;
}

/** Adds `--output-dir`, for commands that read or write `outputs.json`. */
export function addOutputFolderOption(command: Command): Command {
  return command.option('--output-dir <dir>', 'folder of outputs.json, which "provision" writes', DEFAULT_OUTPUT_FOLDER);
}

/** The values of the flags that were given, as commander collected them. */
export function settingFlags(options: Readonly<Record<string, unknown>>): Partial<Record<SettingKey, string>> {
  const given = SETTING_KEYS.map((key): [SettingKey, unknown] => [key, options[settingOption(key)?.attributeName() ?? '']]);
  return Object.fromEntries(given.filter((entry): entry is [SettingKey, string] => typeof entry[1] === 'string'));
}

function settingOption(key: SettingKey): Option | undefined {
  const { description, placeholder, kind, group, variable, default: byDefault } = SETTINGS[key];
  const flag = settingFlag(key);
  if (flag === undefined || variable === undefined) return undefined;
  const meaning = byDefault === undefined || kind === 'switch' ? description : `${description} (default: ${byDefault})`;
  const flags = kind === 'switch' ? `${flag} [${placeholder}]` : `${flag} <${placeholder}>`;
  const option = new Option(flags, `${meaning} [${variable}]`).helpGroup(SETTING_GROUPS[group]);
  return kind === 'switch' ? option.preset('true') : option;
}
