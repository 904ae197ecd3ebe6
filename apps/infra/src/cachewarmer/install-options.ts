import type { CacheWarmerOutputs, CacheWarmerSetup } from '@warpforge/azure-infra';
import type { SettingKey } from '@warpforge/azure-infra/settings';
import { Option, type Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { codeOf, CommandError } from '../failure.ts';
import { addOutputFolderOption, addSettingOptions } from '../settings-options.ts';
import { programVersion } from '../version.ts';
import { addVmOptions, type VmOptions } from '../vm-options.ts';
import { CONNECTION_STRING_VARIABLE } from './storage-options.ts';

/** What both installations take. */
export interface InstallOptions extends VmOptions {
  readonly local?: true;
  readonly storageAccount?: string;
  readonly managedIdentity?: string;
  readonly packages?: string;
  readonly dryRun?: true;
  readonly json?: true;
}

const KEYS = ['queue_prefix', 'packages_url', 'https_proxy', 'http_proxy', 'no_proxy'] as const satisfies readonly SettingKey[];

const IDENTITY_ID =
  /^\/subscriptions\/[\w-]+\/resourceGroups\/[\w.()-]+\/providers\/Microsoft\.ManagedIdentity\/userAssignedIdentities\/[\w-]+$/i;

/** Help that both installations need. */
export const INSTALL_NOTES = `
The machine must be an Ubuntu 24.04, or another system with apt-get and systemd, and the user root or one who may use sudo without a password.
The programs come from the npm registry, from a folder here (--packages) or from a container (--packages-url); "cachewarmer prepare-bootstrap"
makes those for machines without a registry. Running it again brings the programs up to date and starts the service anew.

The service signs in with the machine's identity. No secret gets to the machine, ${CONNECTION_STRING_VARIABLE} neither: where there
is no identity, put the variable (or AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET) into a file there that only root can read, and
name it with "systemctl edit SERVICE" as EnvironmentFile= in [Service].`;

/** Adds the options of {@link InstallOptions} and the settings that they go with. `more` are settings beside those. */
export function addInstallOptions(command: Command, host: string, more: readonly SettingKey[] = []): Command {
  return addVmOptions(addOutputFolderOption(addSettingOptions(command, [...KEYS, ...more])), host)
    .addOption(new Option('--local', 'on this machine instead').conflicts(['host', 'user', 'port', 'identity']))
    .addOption(
      new Option('--storage-account <name>', 'account of the queues (default: that of cachewarmer-outputs.json)').env(
        'AZURE_STORAGE_ACCOUNT',
      ),
    )
    .option('--managed-identity <id>', 'resource id of the identity to sign in with, where the machine has several')
    .option('--packages <folder>', 'install the .tgz files of a folder of this machine')
    .addOption(new Option('--dry-run', 'print every command and script, and run none').conflicts('json'))
    .option('--json', 'print what was installed as one JSON object; progress goes to standard error');
}

/** `cachewarmer-outputs.json`, where there is one. */
export async function cacheWarmerOutputsIfAny({ outputFolder }: CommandContext): Promise<CacheWarmerOutputs | undefined> {
  const { readCacheWarmerOutputs } = await import('@warpforge/azure-infra');
  try {
    return await readCacheWarmerOutputs(outputFolder);
  } catch (error) {
    if (codeOf(error) === 'INFRA_NOT_PROVISIONED') return undefined;
    throw error;
  }
}

/** What manager and worker are told alike: flags and settings before what was provisioned. */
export function cacheWarmerSetup(
  { settings, sources }: CommandContext,
  { storageAccount, managedIdentity }: InstallOptions,
  outputs: CacheWarmerOutputs | undefined,
): CacheWarmerSetup {
  const { prefix, packagesUrl, proxies } = settings.cacheWarmer;
  const account = storageAccount ?? outputs?.storage.account;
  if (account === undefined) throw new CommandError('USAGE', noAccount());
  if (managedIdentity !== undefined && !IDENTITY_ID.test(managedIdentity)) {
    throw new CommandError(
      'USAGE',
      `--managed-identity must be the resource id of a user-assigned identity ("az identity show --query id" prints it), this is ${JSON.stringify(managedIdentity)}`,
    );
  }
  return {
    queuePrefix: sources.get('queue_prefix')?.from === 'default' ? (outputs?.queuePrefix ?? prefix) : prefix,
    storageAccount: account,
    version: programVersion(),
    packages: packagesUrl === undefined ? undefined : { url: packagesUrl },
    proxies,
    identityId: managedIdentity,
  };
}

function noAccount(): string {
  const secret =
    process.env[CONNECTION_STRING_VARIABLE] === undefined
      ? ''
      : `. ${CONNECTION_STRING_VARIABLE} is a secret and does not get to the machine: --help says how to put it there`;
  return `no storage account is given: "warpforge-infra cachewarmer provision" makes one, --storage-account names one${secret}`;
}
