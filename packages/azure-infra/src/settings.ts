import { z } from 'zod';
import { InfraError } from './errors.ts';

/** Everything that decides what an environment on Azure consists of. */
export interface InfraSettings {
  /** Subscription id; part of the storage accounts' names when known, and needed only to deploy. */
  readonly subscriptionId: string | undefined;
  readonly resourceGroup: string;
  /** Regions of the storage accounts A (even shards) and B (odd shards), by Azure's short names. The VM runs in that of A. */
  readonly locations: { readonly a: string; readonly b: string };
  /** Names given for the accounts; where absent a stable one is derived. */
  readonly storageAccounts: { readonly a: string | undefined; readonly b: string | undefined };
  readonly container: string;
  readonly vm: { readonly name: string; readonly size: string; readonly image: string; readonly adminUser: string };
  /** Networks in CIDR notation that may reach port 22. Empty: none. */
  readonly sshSources: readonly string[];
  /** Size of the synthetic data set. */
  readonly dataset: { readonly shards: number; readonly imagesPerShard: number };
}

// Rules of names: https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules
const resourceGroup = z.string().regex(/^[\w.()-]{0,89}[\w()-]$/, 'must be 1 to 90 letters, digits, ._()- and must not end with a dot');
const location = z.string().regex(/^[a-z][a-z0-9]+$/, "must be a region's short name, such as canadacentral");
const storageAccount = z.string().regex(/^[a-z0-9]{3,24}$/, 'must be 3 to 24 lower-case letters and digits');
const container = z
  .string()
  .regex(/^(?=.{3,63}$)[a-z0-9]+(-[a-z0-9]+)*$/, 'must be 3 to 63 lower-case letters, digits and single dashes between them');
const vmName = z.string().regex(/^(?=.{1,64}$)[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$/, 'must be 1 to 64 letters, digits and inner dashes');
const vmSize = z.string().regex(/^(Standard|Basic)_[A-Za-z0-9_-]+$/, 'must be a VM size, such as Standard_D4s_v5');
const vmImage = z
  .string()
  .regex(/^[^:\s]+:[^:\s]+:[^:\s]+:[^:\s]+$/, 'must be publisher:offer:sku:version, such as Canonical:ubuntu-24_04-lts:server:latest');
const adminUser = z
  .string()
  .regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'must be a Linux user name')
  .refine((name) => !['root', 'admin', 'administrator'].includes(name), 'is a name that Azure reserves');
const count = z
  .string()
  .regex(/^[1-9]\d{0,8}$/, 'must be a whole number of at least 1')
  .transform(Number);
const cidrs = z
  .string()
  .transform((text) => text.split(',').map((part) => part.trim()))
  .pipe(
    z.array(
      z
        .union([z.cidrv4(), z.cidrv6()], 'must be networks in CIDR notation separated by commas, such as 203.0.113.7/32')
        .refine((cidr) => !cidr.endsWith('/0'), 'must not open port 22 to every address'),
    ),
  );

/** The variables are those that the deployment guide lets a person export. An empty variable counts as absent. */
const environmentSchema = z.object({
  AZURE_SUBSCRIPTION_ID: z.guid('must be a subscription id').optional(),
  RESOURCE_GROUP: resourceGroup.default('warpdrive-forge-rg'),
  LOCATION_A: location.default('canadacentral'),
  LOCATION_B: location.default('westus3'),
  STORAGE_ACCOUNT_A: storageAccount.optional(),
  STORAGE_ACCOUNT_B: storageAccount.optional(),
  CONTAINER_NAME: container.default('coco2017-wds'),
  VM_NAME: vmName.default('warpdrive-forge-vm'),
  VM_SIZE: vmSize.default('Standard_D4s_v5'),
  VM_IMAGE: vmImage.default('Canonical:ubuntu-24_04-lts:server:latest'),
  ADMIN_USER: adminUser.default('azureuser'),
  SSH_SOURCES: cidrs.default([]),
  NUM_SHARDS: count.default(20),
  IMAGES_PER_SHARD: count.default(100),
});

/** Names of the environment variables that override a setting. */
export const settingsVariables: readonly string[] = Object.keys(environmentSchema.shape);

/**
 * The settings: the deployment guide's defaults, overridden by environment variables ({@link settingsVariables}).
 *
 * @throws {InfraError} `INFRA_SETTINGS_INVALID` with every fault at once.
 */
export function settingsFromEnvironment(environment: Readonly<Record<string, string | undefined>>): InfraSettings {
  const given = Object.fromEntries(settingsVariables.map((name) => [name, environment[name] === '' ? undefined : environment[name]]));
  const parsed = environmentSchema.safeParse(given);
  const faults = parsed.success ? [] : parsed.error.issues.map((issue) => ({ place: String(issue.path[0]), message: issue.message }));
  const accountA = given['STORAGE_ACCOUNT_A'];
  if (accountA !== undefined && accountA === given['STORAGE_ACCOUNT_B']) {
    faults.push({ place: 'STORAGE_ACCOUNT_B', message: 'must differ from STORAGE_ACCOUNT_A' });
  }
  if (!parsed.success || faults.length > 0) throw new InfraError('INFRA_SETTINGS_INVALID', 'the settings are not valid', faults);
  const settings = parsed.data;
  return {
    subscriptionId: settings.AZURE_SUBSCRIPTION_ID,
    resourceGroup: settings.RESOURCE_GROUP,
    locations: { a: settings.LOCATION_A, b: settings.LOCATION_B },
    storageAccounts: { a: settings.STORAGE_ACCOUNT_A, b: settings.STORAGE_ACCOUNT_B },
    container: settings.CONTAINER_NAME,
    vm: { name: settings.VM_NAME, size: settings.VM_SIZE, image: settings.VM_IMAGE, adminUser: settings.ADMIN_USER },
    sshSources: settings.SSH_SOURCES,
    dataset: { shards: settings.NUM_SHARDS, imagesPerShard: settings.IMAGES_PER_SHARD },
  };
}
