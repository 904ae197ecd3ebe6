import { readdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';

/** Something that a walk met. */
export interface FolderEntry {
  /** Name relative to the root; that of a folder ends in `/`. */
  readonly path: string;
  readonly kind: 'file' | 'link' | 'folder';
}

/** What to walk through. */
export interface WalkOptions {
  /** Real path of the root folder. */
  readonly root: string;
  /** Only names that start with this; may end in the middle of a name. */
  readonly prefix: string;
  /** Go into folders (then they are not reported themselves), or report them. */
  readonly recursive: boolean;
  /** Only what comes after this name. */
  readonly after?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Walks a folder in the order of full names, as an object store lists: a folder sorts as its name with the slash, so `a-b` and `a.b` come
 * before `a/b`. Devices, sockets and pipes are left out; symbolic links are reported and not followed. A folder that vanishes in the
 * middle is empty. One folder's names are in memory at a time, and those of the folders above it.
 */
export async function* walkFolder({ root, prefix, recursive, after, signal }: WalkOptions): AsyncGenerator<FolderEntry, void> {
  if (!(await hasPlainParent(root, prefix))) return;
  for (const entry of await sortedEntries(root, prefix.slice(0, prefix.lastIndexOf('/') + 1))) {
    signal?.throwIfAborted();
    if (!entry.path.startsWith(prefix)) continue;
    const goesIn = recursive && entry.kind === 'folder';
    if (after !== undefined && entry.path <= after && !(goesIn && after.startsWith(entry.path))) continue;
    if (goesIn) yield* walkFolder({ root, prefix: entry.path, recursive, after, signal });
    else yield entry;
  }
}

/** Whether the folder of this path or prefix is there and is reached without `..`, an empty part or a symbolic link on the way. */
export async function hasPlainParent(root: string, path: string): Promise<boolean> {
  const slash = path.lastIndexOf('/');
  if (slash === -1) return true;
  const folder = path.slice(0, slash);
  if (!folder.split('/').every(isFileName)) return false;
  const full = join(root, folder);
  return (await orIfMissing(realpath(full), undefined)) === full;
}

/** Whether one part of a path can be the name of a file: others would lead elsewhere. */
export function isFileName(part: string): boolean {
  return part !== '' && part !== '.' && part !== '..' && !part.includes('\0');
}

async function sortedEntries(root: string, folder: string): Promise<FolderEntry[]> {
  const entries: FolderEntry[] = [];
  for (const dirent of await orIfMissing(readdir(join(root, folder), { withFileTypes: true }), [])) {
    if (dirent.isDirectory()) entries.push({ path: `${folder}${dirent.name}/`, kind: 'folder' });
    else if (dirent.isFile()) entries.push({ path: folder + dirent.name, kind: 'file' });
    else if (dirent.isSymbolicLink()) entries.push({ path: folder + dirent.name, kind: 'link' });
  }
  return entries.sort((a, b) => (a.path < b.path ? -1 : 1));
}

const MISSING_CODES = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG']);

/** The system's code of an error, such as `ENOENT`. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** The result, or `fallback` when there is no such file or folder. */
export async function orIfMissing<T, F>(work: Promise<T>, fallback: F): Promise<T | F> {
  try {
    return await work;
  } catch (error) {
    if (MISSING_CODES.has(systemCode(error) ?? '')) return fallback;
    throw error;
  }
}
