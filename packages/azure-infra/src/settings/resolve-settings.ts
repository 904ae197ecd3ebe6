import type { z } from 'zod';
import { InfraError, type SettingsFault } from '../errors.ts';
import { faultsAcrossSettings } from './across-settings.ts';
import { defaultCachePath, SETTING_KEYS, settingFlag, SETTINGS, type SettingKey } from './definitions.ts';
import type { CacheWarmerSettings, InfraSettings } from './infra-settings.ts';
import { parseSettingsFile, type ParsedSettingsFile, type SettingsFile } from './settings-file.ts';
import { settingsSchema } from './values.ts';

/** Everything that settings may come from. Nothing is read from the process. */
export interface SettingsInput {
  /** Values of flags, by the key of the setting; a flag that was not given is undefined. */
  readonly flags: Readonly<Partial<Record<SettingKey, string | undefined>>>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly file?: SettingsFile | undefined;
}

/** Where the value of a setting comes from. */
export interface SettingSource {
  readonly from: 'flag' | 'environment' | 'file' | 'default';
  /** `--vm-size`, `VM_SIZE`, `warpforge.yaml:3:1`, or `default`. */
  readonly place: string;
  /** The value as a person would write it; empty when there is none. */
  readonly value: string;
}

/** The settings and, in the order of the table, where each of them comes from. */
export interface ResolvedSettings {
  readonly settings: InfraSettings;
  readonly sources: ReadonlyMap<SettingKey, SettingSource>;
}

/**
 * The settings: a flag before an environment variable before the file before the default.
 *
 * @throws {InfraError} `INFRA_SETTINGS_INVALID` with every fault at once, each with the place that the faulty value comes from.
 */
export function resolveSettings(input: SettingsInput): ResolvedSettings {
  const file = input.file === undefined ? undefined : parseSettingsFile(input.file);
  const given = new Map(SETTING_KEYS.map((key) => [key, givenSetting(key, input, file)]));
  const values = Object.fromEntries([...given].map(([key, { value }]) => [key, value]));

  const parsed = settingsSchema.safeParse(values);
  const problems = [...(parsed.error?.issues ?? []), ...faultsAcrossSettings(values)];
  const faults = [...(file?.faults ?? []), ...problems.map(({ path, message }) => settingsFault(path, message, given, file))];
  if (!parsed.success || faults.length > 0) {
    throw new InfraError(
      'INFRA_SETTINGS_INVALID',
      `the settings have ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:`,
      faults,
    );
  }
  const sources = new Map([...given].map(([key, { from, place, value }]) => [key, { from, place, value: describe(value) }]));
  return { settings: settingsOf(parsed.data), sources };
}

/** A setting as it was given, before it is checked. */
interface GivenSetting {
  readonly from: SettingSource['from'];
  readonly place: string;
  readonly value: unknown;
}

/** The rule of precedence. */
function givenSetting(key: SettingKey, { flags, environment }: SettingsInput, file: ParsedSettingsFile | undefined): GivenSetting {
  const { variable, default: byDefault } = SETTINGS[key];
  const flag = flags[key];
  if (flag !== undefined) return { from: 'flag', place: settingFlag(key) ?? key, value: flag };
  const exported = variable === undefined ? undefined : environment[variable];
  // `export VM_SIZE=` is how a person takes a variable back.
  if (variable !== undefined && exported !== undefined && exported !== '') return { from: 'environment', place: variable, value: exported };
  if (file?.values.has(key)) return { from: 'file', place: file.placeOf([key]), value: file.values.get(key) };
  return { from: 'default', place: 'default', value: byDefault };
}

function settingsFault(
  path: readonly PropertyKey[],
  message: string,
  given: ReadonlyMap<PropertyKey, GivenSetting>,
  file: ParsedSettingsFile | undefined,
): SettingsFault {
  const [key = ''] = path;
  const setting = given.get(key);
  if (setting?.from !== 'file' || file === undefined) return { place: setting?.place ?? String(key), message };
  return { place: file.placeOf(path), message: `${path.join('.')}: ${message}` };
}

function settingsOf(values: z.output<typeof settingsSchema>): InfraSettings {
  return {
    environment: values.environment,
    subscriptionId: values.subscription_id,
    resourceGroup: values.resource_group,
    locations: { a: values.location_a, b: values.location_b },
    storageAccounts: { a: values.storage_account_a, b: values.storage_account_b },
    container: values.container_name,
    vm: {
      name: values.vm_name,
      size: values.vm_size,
      image: values.vm_image,
      adminUser: values.admin_user,
      spot: values.vm_spot,
    },
    sshPublicKeyFile: values.ssh_public_key,
    sshSources: values.ssh_sources ?? [],
    mount: {
      point: values.mount_point,
      cachePath: values.cache_dir ?? defaultCachePath(values.vm_size),
      cacheSize: values.cache_size,
    },
    dataset: { shards: values.num_shards, imagesPerShard: values.images_per_shard, imageSize: values.image_size },
    training: { steps: values.train_steps, batchSize: values.batch_size, workers: values.num_workers },
    cacheWarmer: cacheWarmerSettingsOf(values),
    tags: values.tags ?? {},
  };
}

/** Its environment has the name of the other with this behind it. */
const CACHE_WARMER_SUFFIX = '-cachewarmer';

function cacheWarmerSettingsOf(values: z.output<typeof settingsSchema>): CacheWarmerSettings {
  return {
    prefix: values.queue_prefix,
    environment: `${values.environment}${CACHE_WARMER_SUFFIX}`,
    resourceGroup: values.cachewarmer_resource_group ?? `${values.resource_group}${CACHE_WARMER_SUFFIX}`,
    storageAccount: values.cachewarmer_storage_account,
    controllerSize: values.controller_size,
    workerSize: values.worker_size,
    maxWorkers: values.max_workers,
    maxInstanceHours: values.max_instance_hours,
    filer: values.filer,
    natGateway: values.nat_gateway,
    packagesUrl: values.packages_url,
    proxies: { https: values.https_proxy, http: values.http_proxy, exceptions: values.no_proxy ?? [] },
  };
}

function describe(value: unknown): string {
  if (value === undefined) return '';
  if (typeof value === 'string') return value;
  return Array.isArray(value) ? value.join(',') : JSON.stringify(value);
}
