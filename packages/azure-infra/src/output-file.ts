import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import { InfraError } from './errors.ts';

/** A file for programs that a command writes and others read. */
export interface OutputFile<T> {
  readonly name: string;
  readonly schema: z.ZodType<T>;
  /** The command that writes it: `provision`. */
  readonly command: string;
}

/** Writes files into a folder, which is made where it is missing, each in one step. @throws {InfraError} `INFRA_OUTPUTS`. */
export async function writeFilesTo(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    for (const [name, content] of Object.entries(files)) await replaceFile(join(folder, name), content);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new InfraError('INFRA_OUTPUTS', `cannot write the outputs to ${folder}: ${why}; name another folder with --output-dir`, [], {
      cause,
    });
  }
}

/** @throws {InfraError} `INFRA_NOT_PROVISIONED` where there is none, `INFRA_OUTPUTS` where it is not what the schema says. */
export async function readOutputFile<T>(folder: string, file: OutputFile<T>): Promise<T> {
  const path = join(folder, file.name);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') {
      throw new InfraError(
        'INFRA_NOT_PROVISIONED',
        `there is no ${path}: nothing has been provisioned from here. Run "warpforge-infra ${file.command}", or name the folder that it wrote to with --output-dir`,
        [],
        { cause },
      );
    }
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new InfraError('INFRA_OUTPUTS', `cannot read ${path}: ${why}`, [], { cause });
  }
  return checkOutputs(parseJson(text), path, file);
}

/** What the schema makes of a value. @throws {InfraError} `INFRA_OUTPUTS` with every fault. */
export function checkOutputs<T>(value: unknown, what: string, { schema, command }: OutputFile<T>): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.map(({ path, message }) => ({ place: path.length === 0 ? 'the file' : path.join('.'), message }));
  throw new InfraError('INFRA_OUTPUTS', `${what} cannot be used; run "warpforge-infra ${command}", which writes it anew:`, faults);
}

/** Removes files; one that is not there is as good. */
export async function removeFilesFrom(folder: string, names: readonly string[]): Promise<void> {
  for (const name of names) await rm(join(folder, name), { force: true });
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
