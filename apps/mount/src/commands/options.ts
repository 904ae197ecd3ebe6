import { InvalidArgumentError, Option } from 'commander';
import { resolve } from 'node:path';
import { parseDuration } from '../config/units.ts';
import type { Override } from '../config/load.ts';
import type { Config } from '../config/schema.ts';

/** Where the configuration is when nothing else is said. */
export const DEFAULT_CONFIG_PATH = '/etc/warpdrive/config.yaml';

/** Options that say which configuration, and what replaces its keys. */
export interface ConfigOptions {
  readonly config: string;
  readonly mountPoint?: string;
  readonly cachePath?: string;
  readonly metricsAddr?: string;
}

/** `--config FILE` */
export function configOption(): Option {
  return new Option('-c, --config <file>', 'configuration').argParser(absolute).default(DEFAULT_CONFIG_PATH);
}

/** `--cache-path DIR` */
export function cachePathOption(): Option {
  return new Option('--cache-path <dir>', 'instead of cache.path of the configuration').argParser(absolute);
}

/** `--json` */
export function jsonOption(what = 'print JSON'): Option {
  return new Option('--json', what);
}

/** Reads the configuration that the options name. */
export async function configOf(options: ConfigOptions): Promise<Config> {
  const { loadConfig } = await import('../config/load.ts');
  const overrides: Override[] = [];
  if (options.mountPoint !== undefined) overrides.push({ key: ['mount_point'], value: options.mountPoint, option: '--mount-point' });
  if (options.cachePath !== undefined) overrides.push({ key: ['cache', 'path'], value: options.cachePath, option: '--cache-path' });
  if (options.metricsAddr !== undefined) overrides.push({ key: ['metrics', 'addr'], value: options.metricsAddr, option: '--metrics-addr' });
  return loadConfig(options.config, { overrides });
}

/** A path from the command line, which may be relative to the working directory. */
export function absolute(path: string): string {
  return resolve(path);
}

/** Milliseconds of a duration from the command line. */
export function duration(text: string): number {
  const milliseconds = parseDuration(text);
  if (milliseconds === undefined) throw new InvalidArgumentError('Expected a duration such as 10s or 2m.');
  return milliseconds;
}

/** A whole number of at least 1 from the command line. */
export function positiveInteger(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new InvalidArgumentError('Expected a whole number of at least 1.');
  return Number(text);
}
