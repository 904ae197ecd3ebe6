import { z } from 'zod';
import { faultsAcrossKeys } from './across-keys.ts';
import {
  absolutePath,
  choice,
  duration,
  flag,
  integer,
  listenAddress,
  octal,
  powerOfTwo,
  ratio,
  secretFile,
  secretVariable,
  section,
  size,
  text,
} from './fields.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Name of a directory at the root of the mount that belongs to the program itself. */
const RESERVED_NAME = '.warpdrive';

/** Lets the checks across keys run although single keys are faulty too, so that all faults are told at once. */
const always = { when: () => true } as const;

/** Fails unless exactly one of the two keys that name a secret is there. */
function oneSecret<T extends z.ZodType<object>>(schema: T, name: string): T {
  return schema.superRefine((value, context) => {
    const given = [`${name}_env`, `${name}_file`].filter((key) => Object.hasOwn(value, key));
    if (given.length === 1) return;
    const message = given.length === 0 ? `${name}_env or ${name}_file is missing` : `${name}_env and ${name}_file exclude each other`;
    context.addIssue({ code: 'custom', message });
  }, always);
}

const id = text('an id');

const auth = z.discriminatedUnion(
  'method',
  [
    section({
      method: z.literal('managed_identity'),
      client_id: id.optional().describe('Client id of a user-assigned identity. Default: the system-assigned one.'),
    }),
    section({ method: z.literal('workload_identity'), client_id: id.optional(), tenant_id: id.optional(), token_file: secretFile() }),
    oneSecret(
      section({
        method: z.literal('service_principal'),
        tenant_id: id,
        client_id: id,
        client_secret_env: secretVariable(),
        client_secret_file: secretFile(),
      }),
      'client_secret',
    ),
    section({ method: z.literal('azure_cli') }),
    section({ method: z.literal('default') }),
    oneSecret(
      section({ method: z.literal('shared_key'), account_key_env: secretVariable(), account_key_file: secretFile() }),
      'account_key',
    ),
    oneSecret(section({ method: z.literal('sas'), sas_env: secretVariable(), sas_file: secretFile() }), 'sas'),
    oneSecret(
      section({ method: z.literal('connection_string'), connection_string_env: secretVariable(), connection_string_file: secretFile() }),
      'connection_string',
    ),
    section({ method: z.literal('anonymous') }),
  ],
  {
    error:
      'expected a method: managed_identity, workload_identity, service_principal, azure_cli, default, shared_key, sas, connection_string or anonymous',
  },
);

const name = text('a name').regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, {
  error: 'expected up to 63 letters, digits, dots, dashes and underscores, beginning with a letter or a digit',
});

const mountPath = text('a path inside the mount')
  .superRefine((path, context) => {
    const parts = path === '/' ? [] : path.replace(/^\//, '').replace(/\/$/, '').split('/');
    const message = !path.startsWith('/')
      ? 'expected a path that begins with a slash'
      : parts.some((part) => part === '' || part === '.' || part === '..' || Buffer.byteLength(part) > 255)
        ? 'expected a path of directory names, each up to 255 bytes'
        : parts[0] === RESERVED_NAME
          ? `${RESERVED_NAME} is reserved`
          : undefined;
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  })
  .transform((path) => path.replace(/(?<=.)\/$/, ''));

const endpoint = text('a URL').superRefine((value, context) => {
  const url = URL.parse(value);
  const message =
    url === null || !['http:', 'https:'].includes(url.protocol)
      ? 'expected a URL such as https://example.blob.core.windows.net'
      : url.search !== '' || url.username !== '' || url.hash !== ''
        ? 'expected a URL without query and without user; a SAS belongs into auth.sas_env or auth.sas_file'
        : undefined;
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

const container = text('the name of a container').regex(/^(\$root|\$web|[a-z0-9](?!.*--)[a-z0-9-]{1,61}[a-z0-9])$/, {
  error: 'expected 3 to 63 lower-case letters, digits and single dashes',
});

const prefix = text('a folder')
  .regex(/^[^/]/, { error: 'expected a folder without a slash at its start' })
  .transform((path) => (path.endsWith('/') ? path : `${path}/`));

const backend = z
  .discriminatedUnion(
    'type',
    [
      section({
        name: name.describe('Name in messages, metrics and commands. The cache knows its files by it.'),
        type: z.literal('azureblob'),
        mount_path: mountPath.optional().describe('Directory below the mount point. Default: /<name>.'),
        config: section({
          account: text('the name of a storage account').regex(/^[^\s/:?#]+$/, {
            error: 'expected the name of a storage account, not a URL',
          }),
          container,
          prefix: prefix.optional().describe('Shows only this folder of the container.'),
          endpoint: endpoint.optional().describe('URL of the blob service. Default: https://<account>.blob.core.windows.net.'),
        }),
        auth: auth.default({ method: 'default' }),
      }),
      section({
        name,
        type: z.literal('local'),
        mount_path: mountPath.optional(),
        config: section({ path: absolutePath('a folder') }),
      }),
    ],
    { error: 'expected type: azureblob or local' },
  )
  .transform((entry) => ({ ...entry, mount_path: entry.mount_path ?? `/${entry.name}` }));

const cache = section({
  path: absolutePath('the cache directory')
    .prefault('/var/cache/warpdrive')
    .describe('Directory of the cache, of this daemon alone, on a fast local disk.'),
  max_size: size(MIB).prefault('50GB').describe('Bytes on disk at most.'),
  min_free_space: size().prefault(0).describe('Bytes of the disk that stay free whatever max_size says.'),
  block_size: powerOfTwo(128 * KIB, 64 * MIB)
    .prefault('4MB')
    .describe('Unit of eviction and prefetch.'),
  readahead_blocks: integer(0, 1024).prefault(8).describe('Blocks that a sequential reader is served ahead; 0 turns readahead off.'),
  max_parallel_fetch: integer(1, 1024).prefault(32).describe('Requests to all backends at once.'),
  stale_ttl: duration().prefault('60s').describe('How long names, sizes and versions are believed without asking again.'),
  stale_if_error: duration()
    .prefault('24h')
    .describe('How long the last known version serves while the backend cannot be asked; 0 turns it off.'),
  evict_high_water: ratio().prefault(0.9).describe('Eviction begins above this part of max_size …'),
  evict_low_water: ratio().prefault(0.8).describe('… and ends below this one.'),
  memory_limit: size(16 * MIB)
    .optional()
    .describe('Bytes of blocks in memory at most. Default: 512MB or a quarter of the memory of the cgroup, whichever is less.'),
});

const fuse = section({
  transport: choice('auto', 'kernel', 'fuse-native')
    .prefault('auto')
    .describe('How to speak to the kernel: itself, which is what auto takes, or through libfuse and the npm package fuse-native.'),
  passthrough: choice('auto', 'off').prefault('auto').describe('Whether the kernel reads complete files straight from the cache.'),
  read_ahead: size().optional().describe('Readahead of the kernel.'),
  threads: integer(1, 64).optional().describe('Threads that read from the kernel.'),
});

/** The configuration file: its keys, their defaults, and what the program gets: sizes in bytes, durations in milliseconds. */
export const configSchema = section({
  mount_point: absolutePath('the mount point').prefault('/wd').describe('Directory under which all backends appear.'),
  allow_other: flag().prefault(false).describe('Lets other users than the one who mounts read.'),
  uid: integer(0, 4_294_967_294).optional().describe('Owner of all files. Default: who mounts.'),
  gid: integer(0, 4_294_967_294).optional().describe('Group of all files. Default: that of who mounts.'),
  umask: octal().optional().describe('Permission bits that files (0444) and directories (0555) do not have, in octal.'),
  cache: cache.prefault({}),
  fuse: fuse.prefault({}),
  backends: z.array(backend, { error: 'expected a list of backends' }).min(1, { error: 'expected at least one backend' }),
  metrics: section({
    enabled: flag().prefault(true),
    addr: listenAddress().prefault('127.0.0.1:9090').describe('Address of the metrics and health endpoint.'),
  }).prefault({}),
  log: section({
    level: choice('debug', 'info', 'warn', 'error').prefault('info'),
    format: choice('text', 'json').prefault('text'),
  }).prefault({}),
}).superRefine((config, context) => {
  for (const { path, message } of faultsAcrossKeys(config)) context.addIssue({ code: 'custom', path, message });
}, always);

/** The validated configuration. Sizes are bytes, durations milliseconds; keys are those of the file. */
export type Config = z.output<typeof configSchema>;

/** One entry of `backends`. */
export type BackendConfig = Config['backends'][number];

/** The `auth` of an Azure backend. */
export type AuthConfig = Extract<BackendConfig, { type: 'azureblob' }>['auth'];
