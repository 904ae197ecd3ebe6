import type { Dirent } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { reasonOf } from '../../errors.ts';
import { splitMemberName } from '../../sample.ts';
import { CommandError } from '../failure.ts';

/** The files of one sample. */
export interface FolderSample {
  readonly key: string;
  /** Path of the file by field. */
  readonly files: ReadonlyMap<string, string>;
}

/** What a folder holds. */
export interface FolderListing {
  /** In the order of their keys, by code unit, so that it is the same everywhere. */
  readonly samples: FolderSample[];
  /** Files that can be part of no sample, by their path in the folder: hidden ones are not counted. */
  readonly skipped: readonly string[];
}

/**
 * Groups the files of a folder, at any depth, into samples, by the rule of the readers: `a/0001.jpg` and `a/0001.cls` are fields `jpg`
 * and `cls` of sample `a/0001`. Hidden files and folders are passed over; links to files count, links to folders are not followed.
 *
 * @param exclude a folder to pass over, if it lies inside: the output
 * @throws {@link CommandError} `BAD_FOLDER` when two files would be the same field, or the folder cannot be read
 */
export async function listFolderSamples(root: string, exclude: string, signal: AbortSignal): Promise<FolderListing> {
  const excluded = resolve(exclude);
  const samples = new Map<string, Map<string, string>>();
  const skipped: string[] = [];
  const folders = [''];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    signal.throwIfAborted();
    for (const entry of await list(join(root, folder))) {
      if (entry.name.startsWith('.')) continue;
      const name = folder === '' ? entry.name : `${folder}/${entry.name}`;
      const path = join(root, name);
      if (entry.isDirectory()) {
        if (resolve(path) !== excluded) folders.push(name);
        continue;
      }
      const place = (await isFile(entry, path)) ? splitMemberName(name) : undefined;
      if (place === undefined || place.field === '') {
        skipped.push(name);
        continue;
      }
      const files = samples.get(place.key) ?? new Map<string, string>();
      const other = files.get(place.field);
      if (other !== undefined) {
        throw new CommandError(
          'BAD_FOLDER',
          `"${other}" and "${path}" would both be field "${place.field}" of sample "${place.key}"; rename one`,
        );
      }
      files.set(place.field, path);
      samples.set(place.key, files);
    }
  }
  const sorted = [...samples].sort(([one], [other]) => (one < other ? -1 : 1));
  return { samples: sorted.map(([key, files]) => ({ key, files })), skipped: skipped.sort() };
}

async function list(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true });
  } catch (error) {
    throw new CommandError('BAD_FOLDER', `cannot list "${folder}": ${reasonOf(error)}`, { cause: error });
  }
}

async function isFile(entry: Dirent, path: string): Promise<boolean> {
  if (!entry.isSymbolicLink()) return entry.isFile();
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    throw new CommandError('BAD_FOLDER', `cannot follow the link "${path}": ${reasonOf(error)}`, { cause: error });
  }
}
