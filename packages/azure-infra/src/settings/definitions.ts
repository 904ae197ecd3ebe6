/**
 * The settings of an environment: one table of their names, defaults and meanings. What a value may be is in `values.ts`, apart from
 * this because a program that only prints its help needs no validator.
 *
 * Precedence: the flag, then the environment variable, then the settings file, then the default. An empty variable counts as absent.
 */

/** Headings under which `--help` shows the flags; a command offers whole groups. */
export const SETTING_GROUPS = {
  environment: 'Environment:',
  storage: 'Storage:',
  vm: 'Virtual machine:',
  access: 'Access to virtual machines:',
  mount: 'Mount daemon on the VM:',
  dataset: 'Synthetic data set:',
  training: 'Training:',
  cachewarmer: 'CacheWarmer:',
} as const;

/** A key of {@link SETTING_GROUPS}. */
export type SettingGroup = keyof typeof SETTING_GROUPS;

/** One setting. Its key is that of the settings file, and with dashes for underscores its flag: `location_a`, `--location-a`. */
export interface SettingDefinition {
  readonly group: SettingGroup;
  /** The environment variable; those of the deployment guide keep their names. Undefined: only the file can hold it, and there is no flag. */
  readonly variable: string | undefined;
  /** What a value is called in the help. */
  readonly placeholder: string;
  /** The default as it would be written; undefined when there is none, or when it depends on others and `description` says how. */
  readonly default: string | undefined;
  /** A switch means `true` when its flag has no value. */
  readonly kind: 'value' | 'switch';
  readonly description: string;
}

const CACHE_ON_OS_DISK = '/tmp/warpdrive-cache';

/** Setup mounts a local NVMe disk at `/mnt/nvme`. */
const CACHE_ON_NVME = '/mnt/nvme/warpdrive-cache';

/** Sizes with local NVMe disks: https://learn.microsoft.com/azure/virtual-machines/sizes/storage-optimized/l-family */
const HAS_LOCAL_NVME = /^Standard_L\d/i;

/** The default of `cache_dir`: on the local NVMe disk where the VM has one. */
export function defaultCachePath(vmSize: string): string {
  return HAS_LOCAL_NVME.test(vmSize) ? CACHE_ON_NVME : CACHE_ON_OS_DISK;
}

/** All settings, in the order in which they are shown. */
export const SETTINGS = {
  environment: define('environment', 'WARPFORGE_ENVIRONMENT', 'name', 'warpdrive-forge', 'name of the environment, in a tag of everything'),
  subscription_id: define('environment', 'AZURE_SUBSCRIPTION_ID', 'id', undefined, 'subscription to deploy to'),
  resource_group: define('environment', 'RESOURCE_GROUP', 'name', 'warpdrive-forge-rg', 'resource group that holds everything'),
  location_a: define('environment', 'LOCATION_A', 'region', 'canadacentral', 'region of the VM and of the even shards'),
  location_b: define('environment', 'LOCATION_B', 'region', 'westus3', 'region of the odd shards'),
  tags: define('environment', undefined, 'mapping', undefined, 'further tags of every resource'),

  storage_account_a: define(
    'storage',
    'STORAGE_ACCOUNT_A',
    'name',
    undefined,
    'account of the even shards (default: derived, the same in every run)',
  ),
  storage_account_b: define('storage', 'STORAGE_ACCOUNT_B', 'name', undefined, 'account of the odd shards (default: derived)'),
  container_name: define('storage', 'CONTAINER_NAME', 'name', 'coco2017-wds', 'container of the shards in both accounts'),

  vm_name: define('vm', 'VM_NAME', 'name', 'warpdrive-forge-vm', 'name of the VM'),
  vm_size: define('vm', 'VM_SIZE', 'size', 'Standard_D4s_v5', 'size of the VM; Standard_L8s_v3 has local NVMe for the cache'),
  vm_image: define('vm', 'VM_IMAGE', 'urn', 'Canonical:ubuntu-24_04-lts:server:latest', 'image, as publisher:offer:sku:version'),
  vm_spot: define('vm', 'VM_SPOT', 'boolean', 'false', 'unused capacity at a lower price, which Azure may take back', 'switch'),
  admin_user: define('access', 'ADMIN_USER', 'name', 'azureuser', 'user who signs in'),
  ssh_public_key: define(
    'access',
    'SSH_PUBLIC_KEY',
    'file',
    undefined,
    'public key that may sign in (default: ~/.ssh/id_ed25519.pub, else ~/.ssh/id_rsa.pub)',
  ),
  ssh_sources: define(
    'access',
    'SSH_SOURCES',
    'cidrs',
    undefined,
    'networks that reach port 22, separated by commas (default: your own address)',
  ),

  mount_point: define('mount', 'WD_MOUNT_POINT', 'dir', '/wd', 'folder under which the shards appear'),
  cache_dir: define(
    'mount',
    'WD_CACHE_DIR',
    'dir',
    undefined,
    `folder of the cache (default: ${CACHE_ON_OS_DISK}; ${CACHE_ON_NVME} on a VM of the L series)`,
  ),
  cache_size: define('mount', 'WD_CACHE_SIZE', 'size', '50GB', 'bytes of the cache at most'),

  num_shards: define('dataset', 'NUM_SHARDS', 'n', '20', 'shards, at least one for each account'),
  images_per_shard: define('dataset', 'IMAGES_PER_SHARD', 'n', '100', 'images in each'),
  image_size: define('dataset', 'IMAGE_SIZE', 'pixels', '224', 'width and height of an image'),

  train_steps: define('training', 'TRAIN_STEPS', 'n', '2000', 'optimizer steps'),
  batch_size: define('training', 'BATCH_SIZE', 'n', '64', 'images a step'),
  num_workers: define('training', 'NUM_WORKERS', 'n', '8', 'threads that decode images'),

  queue_prefix: define(
    'cachewarmer',
    'CACHEWARMER_QUEUE_PREFIX',
    'prefix',
    'cw',
    'what the names of the queues, of the container and of the machines begin with',
  ),
  cachewarmer_resource_group: define(
    'cachewarmer',
    'CACHEWARMER_RESOURCE_GROUP',
    'name',
    undefined,
    'resource group of the CacheWarmer (default: that of the environment with -cachewarmer behind it)',
  ),
  cachewarmer_storage_account: define(
    'cachewarmer',
    'CACHEWARMER_STORAGE_ACCOUNT',
    'name',
    undefined,
    'account of the queues and reports (default: derived, the same in every run)',
  ),
  controller_size: define('cachewarmer', 'CACHEWARMER_CONTROLLER_SIZE', 'size', 'Standard_D2s_v5', 'size of the VM of the manager'),
  worker_size: define(
    'cachewarmer',
    'CACHEWARMER_WORKER_SIZE',
    'size',
    'Standard_D2s_v5',
    'size of the workers, Spot VMs that read from NFS addresses: any, of a filer, of a cache or of the VM that `filer` adds',
  ),
  max_workers: define('cachewarmer', 'CACHEWARMER_MAX_WORKERS', 'n', '8', 'workers at a time, at most'),
  max_instance_hours: define(
    'cachewarmer',
    'CACHEWARMER_MAX_INSTANCE_HOURS',
    'hours',
    '24',
    'hours of workers, added up, after which a job ends incomplete',
  ),
  filer: define(
    'cachewarmer',
    'CACHEWARMER_FILER',
    'boolean',
    'false',
    'a VM in location_b that exports /data over NFS, to try it on',
    'switch',
  ),
  nat_gateway: define(
    'cachewarmer',
    'CACHEWARMER_NAT_GATEWAY',
    'boolean',
    'true',
    'a way to the internet for workers, which have no public address; false where there is none, or a proxy',
    'switch',
  ),
  packages_url: define(
    'cachewarmer',
    'CACHEWARMER_PACKAGES_URL',
    'url',
    undefined,
    'container of blobs with the programs as npm tarballs, which the identities of the machines may read (default: the npm registry)',
  ),
  https_proxy: define('cachewarmer', 'CACHEWARMER_HTTPS_PROXY', 'url', undefined, 'proxy of the machines for https'),
  http_proxy: define('cachewarmer', 'CACHEWARMER_HTTP_PROXY', 'url', undefined, 'proxy of the machines for http'),
  no_proxy: define(
    'cachewarmer',
    'CACHEWARMER_NO_PROXY',
    'hosts',
    undefined,
    'hosts that are reached without a proxy, separated by commas',
  ),
} as const satisfies Readonly<Record<string, SettingDefinition>>;

/** A key of the settings file. */
export type SettingKey = keyof typeof SETTINGS;

/** All keys, in the order of the table. */
export const SETTING_KEYS = Object.keys(SETTINGS).filter((key): key is SettingKey => key in SETTINGS);

/** The flag of a setting: `--location-a` of `location_a`. Undefined when only the file can hold it. */
export function settingFlag(key: SettingKey): string | undefined {
  return SETTINGS[key].variable === undefined ? undefined : `--${key.replaceAll('_', '-')}`;
}

function define(
  group: SettingGroup,
  variable: string | undefined,
  placeholder: string,
  fallback: string | undefined,
  description: string,
  kind: SettingDefinition['kind'] = 'value',
): SettingDefinition {
  return { group, variable, placeholder, default: fallback, kind, description };
}
