import { createHash } from 'node:crypto';
import { realpath, stat } from 'node:fs/promises';
import { relative, sep } from 'node:path';
import { findShards } from '@warpforge/webdataset';
import { TrainerError } from '../errors.ts';

/** The shards below one folder. */
export interface Root {
  readonly path: string;
  readonly shards: readonly string[];
}

/** The shards of a data set that is spread over folders. */
export interface Dataset {
  readonly roots: readonly Root[];
  /** Of all roots, in their order. */
  readonly shards: readonly string[];
  /** Tells two data sets apart: a hash of names (below their root) and sizes of all shards, in order. Where the roots lie does not matter. */
  readonly fingerprint: string;
}

/** Finds the shards below each of `paths`, which must not contain each other: their samples would count twice. */
export async function openDataset(paths: readonly string[]): Promise<Dataset> {
  const roots: Root[] = [];
  for (const path of paths) roots.push({ path, shards: await findShards(path) });
  await refuseOverlap(paths);
  const hash = createHash('sha256');
  for (const { path, shards } of roots) {
    hash.update('root\n');
    for (const shard of shards) hash.update(`${relative(path, shard)}\t${(await stat(shard)).size}\n`);
  }
  return { roots, shards: roots.flatMap(({ shards }) => shards), fingerprint: hash.digest('hex') };
}

async function refuseOverlap(paths: readonly string[]): Promise<void> {
  const seen: { path: string; real: string }[] = [];
  for (const path of paths) {
    const real = await realpath(path);
    const other = seen.find((earlier) => contains(earlier.real, real) || contains(real, earlier.real));
    if (other) {
      throw new TrainerError(
        'ROOT_INVALID',
        `the roots "${other.path}" and "${path}" are or contain the same folder; give each folder once`,
      );
    }
    seen.push({ path, real });
  }
}

function contains(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}
