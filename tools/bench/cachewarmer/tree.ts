import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/** The files of a comparison. */
export interface Tree {
  /** Folder that stands for the cache node; the files are below its `export`. */
  readonly node: string;
  readonly files: number;
  readonly bytes: number;
}

const PER_FOLDER = 500;
const PIECE = Buffer.alloc(4 * 1024 * 1024, 'warm');

/** Writes files of one size, so that they are in the page cache. */
export async function writeTree(node: string, files: number, size: number): Promise<Tree> {
  const folderOf = (file: number): string => join(node, 'export', String(Math.floor(file / PER_FOLDER)));
  for (let file = 0; file < files; file++) {
    if (file % PER_FOLDER === 0) await mkdir(folderOf(file), { recursive: true });
    const path = join(folderOf(file), String(file));
    if (size <= PIECE.length) await writeFile(path, PIECE.subarray(0, size));
    else {
      await using handle = await open(path, 'w');
      for (let written = 0; written < size; written += PIECE.length) await handle.write(PIECE, 0, Math.min(PIECE.length, size - written));
    }
  }
  return { node, files, bytes: files * size };
}

/** Makes files that take no space; their bytes are zeros. */
export async function makeSparseTree(node: string, files: number, size: number): Promise<Tree> {
  await mkdir(join(node, 'export'), { recursive: true });
  for (let file = 0; file < files; file++) {
    await using handle = await open(join(node, 'export', String(file)), 'w');
    await handle.truncate(size);
  }
  return { node, files, bytes: files * size };
}

/** The message of a job for all of a tree. */
export function jobOf({ node }: Tree): string {
  const target = { WarmTargetMountAddresses: [pathToFileURL(node).href], WarmTargetExportPath: '/export', WarmTargetPath: '/' };
  return JSON.stringify(target);
}
