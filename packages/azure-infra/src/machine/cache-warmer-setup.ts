import type { ProxySettings } from '../settings/infra-settings.ts';
import { runAtFirstBoot } from './cloud-init.ts';
import { MachineError } from './errors.ts';
import { checkedPath, printLines, shellScript, shellText, writeFiles } from './shell-script.ts';
import { infraCommandFile } from './vm-files.ts';
import { NODE_VERSION, type PackageFolder } from './vm-setup.ts';

/** What manager and workers of a CacheWarmer are told alike. */
export interface CacheWarmerSetup {
  readonly queuePrefix: string;
  readonly storageAccount: string;
  /** Version of the programs, where they come from the npm registry: that of this package. */
  readonly version: string;
  /** Where the programs come from: a container of blobs by its URL, a folder of tarballs on the machine; undefined: the npm registry. */
  readonly packages: { readonly url: string } | PackageFolder | undefined;
  readonly proxies: ProxySettings;
  /** Resource id of the identity that the machine signs in with; undefined where other variables say how. */
  readonly identityId: string | undefined;
}

/** What the manager is told beside that. */
export interface ManagerSetup extends CacheWarmerSetup {
  readonly scaleSet: { readonly subscriptionId: string; readonly resourceGroup: string; readonly name: string };
  /** Workers at a time, at most. */
  readonly maxWorkers: number;
  /** Hours of workers, added up, after which a job ends incomplete. */
  readonly maxInstanceHours: number;
}

/** Units that the package of `warpforge-infra` has, in its folder `systemd`. */
export const CACHE_WARMER_UNITS = {
  manager: 'warpforge-cachewarmer-manager',
  worker: 'warpforge-cachewarmer-worker',
} as const;

/** Where cloud-init leaves the script. */
const PROGRAM = '/usr/local/lib/warpforge/install-cachewarmer';

/** Reached on the machine itself, whatever the network's proxies are. */
const NEVER_PROXIED = ['localhost', '127.0.0.1', '169.254.169.254'];

/**
 * The script that makes an Ubuntu 24.04 the manager: programs, environment file, service. It runs as root under the POSIX shell, prints a
 * line for each step, and ends with 1 and a reason where one fails. A second run starts the service anew and changes nothing else.
 */
export function managerScript(setup: ManagerSetup): string {
  const { scaleSet, maxWorkers, maxInstanceHours } = setup;
  return serviceScript(CACHE_WARMER_UNITS.manager, setup, {
    AZURE_SUBSCRIPTION_ID: scaleSet.subscriptionId,
    CACHEWARMER_RESOURCE_GROUP: scaleSet.resourceGroup,
    CACHEWARMER_SCALE_SET: scaleSet.name,
    CACHEWARMER_MAX_WORKERS: String(maxWorkers),
    CACHEWARMER_MAX_INSTANCE_HOURS: String(maxInstanceHours),
  });
}

/** As {@link managerScript}, for a worker. */
export function workerScript(setup: CacheWarmerSetup): string {
  return serviceScript(CACHE_WARMER_UNITS.worker, setup, {});
}

/** cloud-init user data that runs one of these scripts at the first boot. It holds no secret. */
export function cacheWarmerCloudInit(script: string): string {
  return runAtFirstBoot(PROGRAM, script);
}

/** The script that makes an Ubuntu 24.04 a file server that exports `/data` over NFS, read-only. @param clients in CIDR notation. */
export function filerScript({ proxies, clients }: { readonly proxies: ProxySettings; readonly clients: readonly string[] }): string {
  return shellScript(
    { ...proxyVariables(proxies), DEBIAN_PACKAGES: 'exportfs:nfs-kernel-server', CLIENTS: clients.join(' ') },
    ...['prelude', 'proxies', 'install-debian', 'install-filer'].map(shellText),
  );
}

function serviceScript(service: string, setup: CacheWarmerSetup, variables: Readonly<Record<string, string>>): string {
  const { packages, proxies, version } = setup;
  const settings = {
    ...proxyVariables(proxies),
    DEBIAN_PACKAGES: 'npm:npm curl:curl mount.nfs:nfs-common',
    PROGRAM_PACKAGES: 'infra',
    PROGRAM_FILES: 'infra/bin/warpforge-infra.mjs',
    NODE_VERSION,
    PACKAGES:
      packages === undefined ? 'registry' : 'url' in packages ? packages.url : checkedPath('folder of the packages', packages.folder),
    PACKAGES_VERSION: version,
    // Of a container it is computed from what is in it.
    RELEASE: packages !== undefined && 'release' in packages ? packages.release : `${version}-node${NODE_VERSION}`,
    IDENTITY_ID: setup.identityId ?? '',
    SERVICE: service,
  };
  const environment = {
    CACHEWARMER_QUEUE_PREFIX: setup.queuePrefix,
    AZURE_STORAGE_ACCOUNT: setup.storageAccount,
    ...variables,
    ...proxyEnvironment(proxies),
  };
  return shellScript(
    settings,
    ...['prelude', 'proxies', 'install-debian', 'machine-identity', 'fetch-packages', 'install-packages'].map(shellText),
    printLines('environment_lines', ['# Names, and no secrets.', ...Object.entries(environment).map(environmentLine)]),
    writeFiles([infraCommandFile()]),
    shellText('install-cachewarmer'),
  );
}

function proxyVariables({ https = '', http = '', exceptions }: ProxySettings): Record<string, string> {
  return { HTTPS_PROXY_URL: https, HTTP_PROXY_URL: http, NO_PROXY_HOSTS: [...NEVER_PROXIED, ...exceptions].join(',') };
}

/** Each scheme has its own variable, in both spellings, since programs differ in which they read. */
function proxyEnvironment({ https, http, exceptions }: ProxySettings): Record<string, string> {
  if (https === undefined && http === undefined) return {};
  const values = { https_proxy: https, http_proxy: http, no_proxy: [...NEVER_PROXIED, ...exceptions].join(',') };
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) =>
      value === undefined
        ? []
        : [
            [name, value],
            [name.toUpperCase(), value],
          ],
    ),
  );
}

/** What needs no quotes in an environment file of systemd. */
const PLAIN_VALUE = /^[A-Za-z0-9:/.,@_~*()[\]-]*$/;

function environmentLine([name, value]: [string, string]): string {
  if (!PLAIN_VALUE.test(value)) {
    throw new MachineError(
      'MACHINE_OPTION_INVALID',
      `the value of ${name} has characters that an environment file cannot hold: ${JSON.stringify(value)}`,
    );
  }
  return `${name}=${value}`;
}
