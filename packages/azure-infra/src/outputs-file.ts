import { z } from 'zod';
import { checkOutputs, readOutputFile, removeFilesFrom, writeFilesTo, type OutputFile } from './output-file.ts';
import type { EnvironmentOutputs } from './outputs.ts';

/** For programs: everything. */
const OUTPUTS = 'outputs.json';

/** For shells: the four exports of the deployment guide. */
const EXPORTS = '.env.generated';

// Values of these get into shell scripts, ssh command lines and configuration files, so they may be nothing but what they are.
const word = z.string().regex(/^[A-Za-z0-9][\w.()-]*$/, 'must be a name');
const storage = z.object({
  account: z.string().regex(/^[a-z0-9]{3,24}$/, 'must be the name of a storage account'),
  location: z.string().regex(/^[a-z0-9]+$/, "must be a region's short name"),
  container: z.string().regex(/^[a-z0-9-]{3,63}$/, 'must be the name of a container'),
  endpoint: z.url('must be a URL').regex(/[^/]$/, 'must not end with a slash'),
});
const schema: z.ZodType<EnvironmentOutputs> = z.object({
  version: z.literal(1, 'must be 1, the version that this program knows'),
  environment: word,
  subscriptionId: z.guid('must be a subscription id'),
  resourceGroup: z.string().regex(/^[\w.()-]{1,90}$/, 'must be the name of a resource group'),
  storage: z.object({ a: storage, b: storage }),
  vm: z.object({
    name: word,
    size: word,
    location: z.string().regex(/^[a-z0-9]+$/, "must be a region's short name"),
    adminUser: z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'must be a Linux user name'),
    address: z.union([z.ipv4(), z.ipv6()], 'must be an IP address'),
    principalId: z.guid('must be an object id'),
  }),
});

const FILE: OutputFile<EnvironmentOutputs> = { name: OUTPUTS, schema, command: 'provision' };

/**
 * Writes `outputs.json` and `.env.generated` into a folder, which is made where it is missing. Each file is replaced in one step: whoever
 * reads it finds the old or the new content, whole.
 *
 * @throws {InfraError} `INFRA_OUTPUTS`.
 */
export async function writeOutputs(folder: string, outputs: EnvironmentOutputs): Promise<void> {
  const checked = checkOutputs(outputs, `the outputs of ${outputs.environment}`, FILE);
  const exports = {
    STORAGE_ACCOUNT_A: checked.storage.a.account,
    STORAGE_ACCOUNT_B: checked.storage.b.account,
    VM_IP: checked.vm.address,
    VM_PRINCIPAL_ID: checked.vm.principalId,
  };
  const lines = Object.entries(exports).map(([name, value]) => `export ${name}="${value}"\n`);
  await writeFilesTo(folder, { [EXPORTS]: lines.join(''), [OUTPUTS]: `${JSON.stringify(checked, undefined, 2)}\n` });
}

/**
 * Reads `outputs.json`.
 *
 * @throws {InfraError} `INFRA_NOT_PROVISIONED` where there is none, `INFRA_OUTPUTS` where it is not what {@link writeOutputs} writes.
 */
export async function readOutputs(folder: string): Promise<EnvironmentOutputs> {
  return readOutputFile(folder, FILE);
}

/** Removes both files; nothing happens where they are not there. Other files of the folder stay. */
export async function removeOutputs(folder: string): Promise<void> {
  await removeFilesFrom(folder, [OUTPUTS, EXPORTS]);
}
