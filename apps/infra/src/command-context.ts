import type { EnvironmentOutputs, InfraSettings, SettingSource, TokenCredential } from '@warpforge/azure-infra';
import type { SettingKey } from '@warpforge/azure-infra/settings';
import type { Command } from 'commander';
import { readFile } from 'node:fs/promises';
import { CommandError } from './failure.ts';
import { DEFAULT_OUTPUT_FOLDER, DEFAULT_SETTINGS_FILE, settingFlags } from './settings-options.ts';

/** What commands work with. */
export interface CommandContext {
  readonly settings: InfraSettings;
  /** Where each setting comes from. */
  readonly sources: ReadonlyMap<SettingKey, SettingSource>;
  /** Folder of `outputs.json`. */
  readonly outputFolder: string;
  /** Reads `outputs.json`; rejects when nothing has been provisioned. */
  outputs(): Promise<EnvironmentOutputs>;
  /** Who is signed in to Azure; nothing is asked before a token is needed. */
  credential(): Promise<TokenCredential>;
}

/** Makes the context of a command from its options, the environment and the settings file. */
export type Resolve = (command: Command) => Promise<CommandContext>;

/** The real one. Rejects with every fault of the settings at once. */
export const resolveContext: Resolve = async (command) => {
  const options: Readonly<Record<string, unknown>> = command.opts();
  const { openCredential, readOutputs, resolveSettings } = await import('@warpforge/azure-infra');
  const file = await readSettingsFile(textOf(options['settings']));
  const { settings, sources } = resolveSettings({ flags: settingFlags(options), environment: process.env, file });
  const outputFolder = textOf(options['outputDir']) ?? DEFAULT_OUTPUT_FOLDER;
  return { settings, sources, outputFolder, outputs: () => readOutputs(outputFolder), credential: () => openCredential() };
};

async function readSettingsFile(named: string | undefined): Promise<{ path: string; text: string } | undefined> {
  const path = named ?? DEFAULT_SETTINGS_FILE;
  try {
    return { path, text: await readFile(path, 'utf8') };
  } catch (cause) {
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    if (missing && named === undefined) return undefined;
    const why = missing ? 'there is no such file' : cause instanceof Error ? cause.message : String(cause);
    throw new CommandError('USAGE', `cannot read the settings ${path}: ${why}; name another file with --settings`, { cause });
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
