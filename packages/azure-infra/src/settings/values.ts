import { z } from 'zod';
import type { SettingKey } from './definitions.ts';

/** What each setting may be, and what becomes of it. Values of flags and variables are texts, those of a file are what YAML has. */

/** A text that matches; a number of YAML is none, because `007` would have become 7. */
function text(pattern: RegExp, message: string): z.ZodType<string> {
  return z
    .string({ error: (issue) => (typeof issue.input === 'number' ? `${message}; put it in quotes` : message) })
    .regex(pattern, message);
}

/** A whole number, or its text, both ends included. */
function integer(least: number, most: number): z.ZodType<number> {
  const error = `must be a whole number of at least ${least} and at most ${most}`;
  return z.preprocess(
    (value) => (typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value),
    z.int({ error }).min(least, error).max(most, error),
  );
}

/** True or false, or its text. */
const truth = z.preprocess((value) => (value === 'true' ? true : value === 'false' ? false : value), z.boolean('must be true or false'));

// Rules of names: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
const location = text(/^[a-z][a-z0-9]+$/, "must be a region's short name, such as canadacentral");
const storageAccount = text(/^[a-z0-9]{3,24}$/, 'must be 3 to 24 lower-case letters and digits');

/** These paths stand in unit files, fstab and configuration files of the VM, where other characters would need escapes. */
const folder = text(
  /^(\/[A-Za-z0-9_][A-Za-z0-9._-]*)+$/,
  'must be an absolute path of letters, digits, dots, dashes and underscores, such as /wd',
);

/** As the mount daemon reads sizes, all units binary. */
const size = text(/^[1-9]\d*(\.\d+)?\s*[kmgtp]i?b?$/i, 'must be a size such as 50GB');

/** Stands in files that every process of a machine can read, so it holds no user and no password. */
const proxy = text(
  /^https?:\/\/[A-Za-z0-9.:[\]_-]+\/?$/,
  'must be a URL such as http://proxy.example.com:3128, without user and password: every process on the machines could read them',
);

const NOT_HOSTS = 'must be host names, addresses or networks separated by commas, such as .example.com,10.0.0.0/8';

/** Hosts as one text with commas or, in a file, as a list. */
const hosts = z
  .union([z.string(), z.array(z.string(NOT_HOSTS))], NOT_HOSTS)
  .transform((value) => (typeof value === 'string' ? value.split(',').map((part) => part.trim()) : value))
  .pipe(z.array(z.string().regex(/^[A-Za-z0-9*.][A-Za-z0-9.:/_-]*$/, NOT_HOSTS)));

const blobContainer = text(
  /^https:\/\/[A-Za-z0-9.:-]+(\/[a-z0-9$-]+){1,2}\/?$/,
  'must be the https URL of a container of blobs, without a signature: every process on the machines could read it',
).transform((url) => url.replace(/\/$/, ''));

/** Names that Azure refuses on Linux: https://learn.microsoft.com/azure/virtual-machines/linux/faq#what-are-the-username-requirements-when-creating-a-vm- */
const RESERVED_USERS = new Set([
  ...['1', '123', 'a', 'actuser', 'adm', 'admin', 'admin1', 'admin2', 'administrator', 'aspnet', 'backup', 'console', 'david', 'guest'],
  ...['john', 'owner', 'root', 'server', 'sql', 'support_388945a0', 'support', 'sys', 'test', 'test1', 'test2', 'test3', 'user', 'user1'],
  ...['user2', 'user3', 'user4', 'user5', 'video'],
]);

const NOT_CIDR = 'must be networks in CIDR notation separated by commas, such as 203.0.113.7/32';

/** Networks as one text with commas or, in a file, as a list. */
const cidrs = z
  .union([z.string(), z.array(z.string(NOT_CIDR))], NOT_CIDR)
  .transform((value) => (typeof value === 'string' ? value.split(',').map((part) => part.trim()) : value))
  .pipe(
    z.array(z.union([z.cidrv4(), z.cidrv6()], NOT_CIDR).refine((cidr) => !cidr.endsWith('/0'), 'must not open port 22 to every address')),
  );

/** Azure allows 50 tags on a storage account; the rest is for the product's own. */
const MOST_TAGS = 40;

// https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources#limitations (names on storage accounts: 128)
const tags = z
  .record(
    z.string(),
    z.string('must be a text; put it in quotes').max(256, 'must be up to 256 characters'),
    'must be a mapping of names to texts',
  )
  .superRefine((given, context) => {
    const blame = (message: string, ...path: string[]): void => context.addIssue({ code: 'custom', path, message });
    const names = Object.keys(given);
    for (const name of names) {
      if (!/^[^<>%&\\?/]{1,128}$/.test(name)) blame('must be 1 to 128 characters without <>%&\\?/', name);
      if (/^(microsoft|azure|windows)/i.test(name)) blame('begins with a word that Azure keeps for itself', name);
      if (/^(warpforge-|managed-by$)/i.test(name)) blame('is a tag that the product sets itself', name);
    }
    if (names.length > MOST_TAGS) blame(`must be at most ${MOST_TAGS} tags`);
    const distinct = new Set(names.map((name) => name.toLowerCase()));
    if (distinct.size < names.length) blame('has a name twice: Azure does not tell upper from lower case');
  });

const resourceGroup = text(/^[\w.()-]{0,89}[\w()-]$/, 'must be 1 to 90 letters, digits, ._()- and must not end with a dot');
const vmSize = text(/^(Standard|Basic)_[A-Za-z0-9_-]+$/, 'must be a VM size, such as Standard_D4s_v5');

/** A flexible scale set has up to so many: https://learn.microsoft.com/azure/virtual-machine-scale-sets/virtual-machine-scale-sets-orchestration-modes */
const MOST_WORKERS = 1000;

/** All settings; where the table has no default, one may be absent. */
export const settingsSchema = z.object({
  environment: text(/^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/, 'must be 1 to 40 lower-case letters, digits and inner dashes'),
  subscription_id: z.guid('must be a subscription id').optional(),
  resource_group: resourceGroup,
  location_a: location,
  location_b: location,
  tags: tags.optional(),
  storage_account_a: storageAccount.optional(),
  storage_account_b: storageAccount.optional(),
  container_name: text(/^(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*$/, 'must be 3 to 63 lower-case letters, digits and single dashes between them'),
  vm_name: text(/^(?=.{1,64}$)[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$/, 'must be 1 to 64 letters, digits and inner dashes'),
  vm_size: vmSize,
  vm_image: text(
    /^[^:\s]+:[^:\s]+:[^:\s]+:[^:\s]+$/,
    'must be publisher:offer:sku:version, such as Canonical:ubuntu-24_04-lts:server:latest',
  ),
  vm_spot: truth,
  admin_user: text(/^[a-z_][a-z0-9_-]{0,31}$/, 'must be a Linux user name').refine(
    (name) => !RESERVED_USERS.has(name),
    'is a name that Azure reserves',
  ),
  ssh_public_key: text(/^[^\0\n]+$/, 'must be the name of a file').optional(),
  ssh_sources: cidrs.optional(),
  mount_point: folder,
  cache_dir: folder.optional(),
  cache_size: size,
  // Even shards are in one account and odd ones in the other, and each must have one; names have six digits.
  num_shards: integer(2, 1_000_000),
  images_per_shard: integer(1, 1_000_000),
  image_size: integer(8, 4096),
  train_steps: integer(1, 1_000_000_000),
  batch_size: integer(1, 65_536),
  num_workers: integer(0, 1024),
  // The name of a flexible scale set, which begins with it and ends in -workers, has up to 35 characters.
  queue_prefix: text(
    /^(?=.{1,24}$)[a-z][a-z0-9]*(-[a-z0-9]+)*-?$/,
    'must be 1 to 24 lower-case letters, digits and single dashes, a letter first',
  ),
  cachewarmer_resource_group: resourceGroup.optional(),
  cachewarmer_storage_account: storageAccount.optional(),
  controller_size: vmSize,
  worker_size: vmSize,
  max_workers: integer(1, MOST_WORKERS),
  max_instance_hours: integer(1, 1_000_000),
  filer: truth,
  nat_gateway: truth,
  packages_url: blobContainer.optional(),
  https_proxy: proxy.optional(),
  http_proxy: proxy.optional(),
  no_proxy: hosts.optional(),
} satisfies Record<SettingKey, z.ZodType>);
