import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { reasonOf, WebDatasetError } from './errors.ts';

/** True for a path with `*`, `?` or `[…]` in it. */
export function hasGlob(path: string): boolean {
  return /[*?]|\[[^\]]+\]/.test(path);
}

/**
 * The files that match a glob, sorted by code unit. `*` and `?` stand for any characters and any one but `/`, `[a-c]` and `[!a-c]` for one
 * of (or not of) a set, `**` for any number of folders. As in a shell, hidden names match only where the pattern's part begins with a
 * dot, and `**` does not follow links. A part that is itself the name of something that exists means that, so that `[` in the name of a
 * folder does no harm.
 *
 * Unlike `node:fs`'s own it does not pass over folders that cannot be listed: shards would be missing without a word.
 *
 * @throws {@link WebDatasetError} `WDS_READ` for such a folder
 */
export async function glob(pattern: string): Promise<string[]> {
  const [first = '', ...rest] = pattern.split(/\/+/);
  const found = new Set<string>();
  if (pattern.startsWith('/')) await match('/', rest, found);
  else await match('', [first, ...rest], found);
  return [...found].sort();
}

async function match(folder: string, parts: readonly string[], found: Set<string>): Promise<void> {
  const [part, ...rest] = parts;
  if (part === undefined) return;
  if (part === '**') return matchDepths(folder, rest, found);
  const path = join(folder, part);
  const literal = await kindOf(path);
  if (literal !== undefined || !hasGlob(part)) return take(path, literal, rest, found);
  const pattern = toRegExp(part);
  for (const entry of await list(folder)) {
    if (!pattern.test(entry.name) || (entry.name.startsWith('.') && !part.startsWith('.'))) continue;
    const entryPath = join(folder, entry.name);
    await take(entryPath, await kindOfEntry(entry, entryPath), rest, found);
  }
}

/** Goes on below a folder, or takes a file that the pattern ends with. */
async function take(path: string, kind: Kind | undefined, rest: readonly string[], found: Set<string>): Promise<void> {
  if (rest.length > 0 && kind === 'folder') await match(path, rest, found);
  else if (rest.length === 0 && kind === 'file') found.add(path);
}

async function matchDepths(folder: string, rest: readonly string[], found: Set<string>): Promise<void> {
  // At the end, `**` is any file at any depth.
  await match(folder, rest.length === 0 ? ['*'] : rest, found);
  for (const entry of await list(folder)) {
    if (entry.isDirectory() && !entry.name.startsWith('.')) await matchDepths(join(folder, entry.name), rest, found);
  }
}

type Kind = 'file' | 'folder' | 'other';

async function kindOfEntry(entry: Dirent, path: string): Promise<Kind | undefined> {
  if (entry.isSymbolicLink()) return kindOf(path);
  return entry.isFile() ? 'file' : entry.isDirectory() ? 'folder' : 'other';
}

/** What a path leads to; undefined when that is nothing. */
async function kindOf(path: string): Promise<Kind | undefined> {
  try {
    const stats = await stat(path);
    return stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : 'other';
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw new WebDatasetError('WDS_READ', `cannot examine "${path}": ${reasonOf(error)}`, { cause: error });
  }
}

async function list(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder === '' ? '.' : folder, { withFileTypes: true });
  } catch (error) {
    if (isMissing(error)) return [];
    throw new WebDatasetError('WDS_READ', `cannot list "${folder}": ${reasonOf(error)}`, { cause: error });
  }
}

function isMissing(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR' || error.code === 'ENAMETOOLONG')
  );
}

function toRegExp(part: string): RegExp {
  let source = '';
  for (let at = 0; at < part.length; at++) {
    const char = part[at] ?? '';
    const set = char === '[' ? /^\[([!^]?)(\]?[^\]]*)\]/.exec(part.slice(at)) : null;
    if (set !== null) {
      const [all, not = '', members = ''] = set;
      source += `[${not === '' ? '' : '^'}${members.replace(/[\\\]^[]/g, '\\$&')}]`;
      at += all.length - 1;
    } else if (char === '*') source += '.*';
    else if (char === '?') source += '.';
    else source += char.replace(/[$()*+./?[\\\]^{|}]/, '\\$&');
  }
  return new RegExp(`^${source}$`, 'su');
}
