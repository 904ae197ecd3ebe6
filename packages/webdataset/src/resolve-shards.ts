import { stat } from 'node:fs/promises';
import { reasonOf, ShardsNotFoundError, WebDatasetError } from './errors.ts';
import { findShards, isShardName } from './find-shards.ts';
import { glob, hasGlob } from './glob.ts';
import { expandShards, splitList } from './shard-spec.ts';
import { isUrl, type ShardInput } from './source/shard-input.ts';

/**
 * Turns what a user names into shards, in order:
 *
 * - paths and URLs, with braces (`shard-{000..099}.tar`, see {@link expandShards}) and in lists (`a.tar::b.tar`)
 * - globs (`data/*.tar`, `train-{a,b}/**\/*.tar`): the files that match, sorted, but no `.idx`
 * - folders: all shards below, sorted (see {@link findShards})
 * - custom shards, as they are
 *
 * A name that exists means that file, whatever characters it has. Paths that end like a shard and URLs are not looked for: opening one that
 * is missing says so. No shell runs, so there are no `pipe:` shards.
 *
 * @throws {@link ShardsNotFoundError} when a part names nothing
 * @throws {@link WebDatasetError} `WDS_BAD_SPEC`, or `WDS_READ` when a folder cannot be listed
 */
export async function resolveShards(spec: string | readonly ShardInput[]): Promise<ShardInput[]> {
  const shards: ShardInput[] = [];
  for (const part of typeof spec === 'string' ? [spec] : spec) {
    if (typeof part !== 'string') shards.push(part);
    // Not `push(...)`: a million arguments do not fit the stack.
    else for (const shard of await resolveList(part)) shards.push(shard);
  }
  if (shards.length === 0) throw new ShardsNotFoundError('no shard is named; give a path, a URL, a glob or a folder');
  return shards;
}

async function resolveList(list: string): Promise<string[]> {
  const meant = await resolveExisting(list);
  if (meant !== undefined) return meant;
  const shards: string[] = [];
  for (const part of splitList(list)) for (const shard of await resolvePart(part)) shards.push(shard);
  return shards;
}

async function resolvePart(part: string): Promise<string[]> {
  refuseOtherSchemes(part);
  if (isUrl(part)) return expandShards([part]);
  const meant = await resolveExisting(part);
  if (meant !== undefined) return meant;
  const shards: string[] = [];
  for (const path of expandShards([part])) for (const shard of await resolvePath(path)) shards.push(shard);
  return shards;
}

async function resolvePath(path: string): Promise<string[]> {
  const meant = await resolveExisting(path);
  if (meant !== undefined) return meant;
  if (hasGlob(path)) {
    const shards = (await glob(path)).filter((match) => !match.endsWith('.idx'));
    if (shards.length === 0) throw new ShardsNotFoundError(`no file matches "${path}"; check the path and that the data set is mounted`);
    return shards;
  }
  // The usual case, of which there may be thousands on a slow mount.
  if (isShardName(path)) return [path];
  // Where there is nothing, findShards says so.
  return (await kindOf(path)) === 'file' ? [path] : findShards(path);
}

/** What a name with special characters in it means if it exists; undefined if it does not. */
async function resolveExisting(path: string): Promise<string[] | undefined> {
  if (!/[*?[\]{}\\]|::/.test(path) || isUrl(path)) return undefined;
  const kind = await kindOf(path);
  if (kind === 'file') return [path];
  return kind === 'folder' ? findShards(path) : undefined;
}

function refuseOtherSchemes(part: string): void {
  if (part.startsWith('pipe:')) {
    throw new WebDatasetError(
      'WDS_BAD_SPEC',
      `"${part}" would run a command, which is never done; open it yourself and pass {name, open} as a custom shard`,
    );
  }
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(part)?.[1];
  if (scheme === undefined || isUrl(part)) return;
  throw new WebDatasetError(
    'WDS_BAD_SPEC',
    `"${part}": ${scheme}:// is not known; give a path or an http(s) URL, or open it yourself and pass {name, open} as a custom shard`,
  );
}

async function kindOf(path: string): Promise<'file' | 'folder' | undefined> {
  try {
    const stats = await stat(path);
    return stats.isDirectory() ? 'folder' : 'file';
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'string' && ABSENT.has(error.code)) return undefined;
    throw new WebDatasetError('WDS_READ', `cannot examine "${path}": ${reasonOf(error)}`, { cause: error });
  }
}

const ABSENT: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG']);
