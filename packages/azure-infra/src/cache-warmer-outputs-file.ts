import { z } from 'zod';
import { checkOutputs, readOutputFile, removeFilesFrom, writeFilesTo, type OutputFile } from './output-file.ts';
import type { CacheWarmerOutputs } from './outputs.ts';

const OUTPUTS = 'cachewarmer-outputs.json';

// Values of these get into scripts, command lines and environment files, so they may be nothing but what they are.
const word = z.string().regex(/^[A-Za-z0-9][\w.()-]*$/, 'must be a name');
const container = z.string().regex(/^[a-z0-9-]{3,63}$/, 'must be the name of a container');
const endpoint = z.url('must be a URL').regex(/[^/]$/, 'must not end with a slash');
const resourceId = z.string().regex(/^(\/[\w.()-]+)+$/, 'must be a resource id');
const identity = z.object({ id: resourceId, clientId: z.guid('must be a client id') });
const schema: z.ZodType<CacheWarmerOutputs> = z.object({
  version: z.literal(1, 'must be 1, the version that this program knows'),
  environment: word,
  subscriptionId: z.guid('must be a subscription id'),
  resourceGroup: z.string().regex(/^[\w.()-]{1,90}$/, 'must be the name of a resource group'),
  location: z.string().regex(/^[a-z0-9]+$/, "must be a region's short name"),
  queuePrefix: z.string().regex(/^[a-z][a-z0-9-]*$/, 'must be what names of queues begin with'),
  storage: z.object({
    account: z.string().regex(/^[a-z0-9]{3,24}$/, 'must be the name of a storage account'),
    blobEndpoint: endpoint,
    queueEndpoint: endpoint,
    records: container,
  }),
  scaleSet: z.object({ id: resourceId, name: word }),
  controller: z.object({
    name: word,
    adminUser: z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'must be a Linux user name'),
    address: z.union([z.ipv4(), z.ipv6()], 'must be an IP address'),
  }),
  identities: z.object({ manager: identity, workers: identity }),
  filer: z.object({ address: z.ipv4('must be an IP address') }).nullable(),
});

const FILE: OutputFile<CacheWarmerOutputs> = { name: OUTPUTS, schema, command: 'cachewarmer provision' };

/** Writes `cachewarmer-outputs.json` into a folder, which is made where it is missing, in one step. @throws {InfraError} `INFRA_OUTPUTS`. */
export async function writeCacheWarmerOutputs(folder: string, outputs: CacheWarmerOutputs): Promise<void> {
  const checked = checkOutputs(outputs, `the outputs of ${outputs.environment}`, FILE);
  await writeFilesTo(folder, { [OUTPUTS]: `${JSON.stringify(checked, undefined, 2)}\n` });
}

/**
 * Reads `cachewarmer-outputs.json`.
 *
 * @throws {InfraError} `INFRA_NOT_PROVISIONED` where there is none, `INFRA_OUTPUTS` where it is not what {@link writeCacheWarmerOutputs} writes.
 */
export async function readCacheWarmerOutputs(folder: string): Promise<CacheWarmerOutputs> {
  return readOutputFile(folder, FILE);
}

/** Removes it; nothing happens where it is not there. */
export async function removeCacheWarmerOutputs(folder: string): Promise<void> {
  await removeFilesFrom(folder, [OUTPUTS]);
}
