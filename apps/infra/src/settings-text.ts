import type { SettingKey, SettingSource } from '@warpforge/azure-infra';

/** The settings that are not defaults, each with the flag, the variable or the line of the file that it comes from; ends with a line break. */
export function settingsText(sources: ReadonlyMap<SettingKey, SettingSource>): string {
  const given = [...sources].filter(([, { from }]) => from !== 'default');
  if (given.length === 0) return 'Settings: the defaults (a flag counts before a variable, a variable before warpforge.yaml)\n';
  const keyWidth = Math.max(...given.map(([key]) => key.length));
  const valueWidth = Math.max(...given.map(([, { value }]) => value.length));
  const lines = given.map(([key, { value, place }]) => `  ${key.padEnd(keyWidth)}  ${value.padEnd(valueWidth)}  from ${place}`);
  return `Settings that are not defaults (a flag counts before a variable, a variable before warpforge.yaml):\n${lines.join('\n')}\n`;
}

/** The same for programs. */
export function settingsJson(
  sources: ReadonlyMap<SettingKey, SettingSource>,
): Record<string, { value: string; from: string; place: string }> {
  return Object.fromEntries([...sources].map(([key, { value, from, place }]) => [key, { value, from, place }]));
}
