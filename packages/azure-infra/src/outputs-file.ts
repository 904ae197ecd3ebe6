import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { InfraError } from './errors.ts';
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

/**
 * Writes `outputs.json` and `.env.generated` into a folder, which is made where it is missing. Each file is replaced in one step: whoever
 * reads it finds the old or the new content, whole.
 *
 * @throws {InfraError} `INFRA_OUTPUTS`.
 */
export async function writeOutputs(folder: string, outputs: EnvironmentOutputs): Promise<void> {
  const checked = check(outputs, `the outputs of ${outputs.environment}`);
  const exports = {
    STORAGE_ACCOUNT_A: checked.storage.a.account,
    STORAGE_ACCOUNT_B: checked.storage.b.account,
    VM_IP: checked.vm.address,
    VM_PRINCIPAL_ID: checked.vm.principalId,
  };
  const lines = Object.entries(exports).map(([name, value]) => `export ${name}="${value}"\n`);
  try {
    await mkdir(folder, { recursive: true });
    await replaceFile(join(folder, EXPORTS), lines.join(''));
    await replaceFile(join(folder, OUTPUTS), `${JSON.stringify(checked, undefined, 2)}\n`);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new InfraError('INFRA_OUTPUTS', `cannot write the outputs to ${folder}: ${why}; name another folder with --output-dir`, [], {
      cause,
    });
  }
}

/**
 * Reads `outputs.json`.
 *
 * @throws {InfraError} `INFRA_NOT_PROVISIONED` where there is none, `INFRA_OUTPUTS` where it is not what {@link writeOutputs} writes.
 */
export async function readOutputs(folder: string): Promise<EnvironmentOutputs> {
  const path = join(folder, OUTPUTS);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') {
      throw new InfraError(
        'INFRA_NOT_PROVISIONED',
        `there is no ${path}: nothing has been provisioned from here. Run "warpforge-infra provision", or name the folder that it wrote to with --output-dir`,
        [],
        { cause },
      );
    }
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new InfraError('INFRA_OUTPUTS', `cannot read ${path}: ${why}`, [], { cause });
  }
  return check(parseJson(text), path);
}

/** Removes both files; nothing happens where they are not there. Other files of the folder stay. */
export async function removeOutputs(folder: string): Promise<void> {
  for (const name of [OUTPUTS, EXPORTS]) await rm(join(folder, name), { force: true });
}

function check(value: unknown, what: string): EnvironmentOutputs {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.map(({ path, message }) => ({ place: path.length === 0 ? 'the file' : path.join('.'), message }));
  throw new InfraError('INFRA_OUTPUTS', `${what} cannot be used; run "warpforge-infra provision", which writes it anew:`, faults);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Not an object either, which is what is said.
    return undefined;
  }
}

async function replaceFile(path: string, content: string): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await using file = await open(temporary, 'w', 0o644);
    await file.writeFile(content);
    await file.sync();
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
