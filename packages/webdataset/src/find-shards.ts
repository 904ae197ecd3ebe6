import { type Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { reasonOf, ShardsNotFoundError, WebDatasetError } from './errors.ts';

/** True for what the files of a data set are called that are shards; indexes (`.idx`) are none. */
export function isShardName(name: string): boolean {
  return /\.(tar|tar\.gz|tgz|tar\.zst)$/.test(name);
}

/**
 * The shards below a folder: all files at any depth that end in `.tar`, `.tar.gz`, `.tgz` or `.tar.zst`, sorted by path (by code unit, so
 * the order is the same everywhere).
 * Hidden files and folders are passed over; links to shards count, links to folders are not followed.
 *
 * @throws {@link ShardsNotFoundError} when the folder is missing or has no shard
 * @throws {@link WebDatasetError} `WDS_READ` when a folder cannot be listed
 */
export async function findShards(root: string): Promise<string[]> {
  const shards: string[] = [];
  const folders = [root];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of await list(folder, root)) {
      if (entry.name.startsWith('.')) continue;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) folders.push(path);
      else if (isShardName(entry.name) && (await isFile(entry, path))) shards.push(path);
    }
  }
  if (shards.length === 0)
    throw new ShardsNotFoundError(
      `no shard (.tar, .tar.gz, .tgz, .tar.zst) below "${root}"; check the path and that the data set is mounted`,
    );
  return shards.sort();
}

async function list(folder: string, root: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    if (folder === root && isMissing(error)) {
      throw new ShardsNotFoundError(`there is no folder "${root}"; check the path and that the data set is mounted`, { cause: error });
    }
    throw new WebDatasetError('WDS_READ', `cannot list "${folder}": ${reasonOf(error)}`, { cause: error });
  }
}

async function isFile(entry: Dirent, path: string): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isFile();
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    throw new WebDatasetError('WDS_READ', `cannot follow the link "${path}": ${reasonOf(error)}`, { cause: error });
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
