import { isUtf8 } from 'node:buffer';
import type { Dirent, Stats } from 'node:fs';
import { lstat, opendir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileFailure, ManifestFile } from '../manifest/manifest.ts';
import { Links } from './links.ts';
import { WalkError } from './walk-error.ts';

/** What a walk comes across. */
export type WalkEntry =
  | { readonly kind: 'file'; readonly file: ManifestFile }
  | { readonly kind: 'skipped'; readonly by: 'links' | 'special' }
  | { readonly kind: 'unreadable'; readonly failure: FileFailure };

/** Names are read in batches of this size, and looked at together: enough for the four threads of the file system calls. */
const BATCH = 64;
/** One character for each byte of a name, so that names that are not UTF-8 are seen. */
const NAME_BYTES = 'latin1';

/**
 * Walks everything below a path of a mount, depth first. Memory is bounded by the depth of the tree, not by how much a folder holds.
 * What cannot be read is told and passed over.
 *
 * A target that is a single file is told as the file `.`, so that joining it to the target's path gives that file.
 *
 * @throws {WalkError} when the target itself is missing or cannot be read.
 */
export async function walkTarget(mountPath: string, targetPath: string, signal: AbortSignal): Promise<AsyncIterable<WalkEntry>> {
  signal.throwIfAborted();
  const root = join(mountPath, targetPath);
  let stats: Stats;
  try {
    stats = await stat(root);
    if (stats.isDirectory()) await (await opendir(root)).close();
  } catch (cause) {
    const code = codeOf(cause);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new WalkError('TARGET_MISSING', `there is no ${root}: check the export path and the target path of the job`, { cause });
    }
    throw new WalkError('TARGET_UNREADABLE', `${root} cannot be read (${code})`, { cause });
  }
  if (!stats.isDirectory()) return single(stats);
  return new Walk(await Links.of(mountPath, root), signal).entries(root, '');
}

async function* single(stats: Stats): AsyncIterable<WalkEntry> {
  await Promise.resolve();
  yield ofStats('.', stats);
}

class Walk {
  readonly #links: Links;
  readonly #signal: AbortSignal;

  constructor(links: Links, signal: AbortSignal) {
    this.#links = links;
    this.#signal = signal;
  }

  /** @param folder absolute. @param path of it below the target, empty or with a slash at its end. */
  async *entries(folder: string, path: string): AsyncIterable<WalkEntry> {
    try {
      for await (const batch of batches(folder, this.#signal)) {
        const looks = await Promise.all(batch.map((entry) => this.#look(folder, path, entry)));
        for (const look of looks) {
          if ('kind' in look) yield look;
          else yield* this.entries(look.folder, look.path);
        }
      }
    } catch (error) {
      this.#signal.throwIfAborted();
      const code = codeOf(error);
      if (code === undefined) throw error;
      yield {
        kind: 'unreadable',
        failure: { path: path === '' ? '/' : path, reason: `the folder could not be listed to its end (${code})` },
      };
    }
  }

  async #look(folder: string, path: string, entry: Dirent): Promise<WalkEntry | { folder: string; path: string }> {
    const bytes = Buffer.from(entry.name, NAME_BYTES);
    const name = bytes.toString('utf8');
    const below = path + name;
    if (!isUtf8(bytes)) {
      return { kind: 'unreadable', failure: { path: below, reason: 'its name is not UTF-8, so that it cannot stand in a job: rename it' } };
    }
    const absolute = join(folder, name);
    if (this.#links.wasFollowed(absolute)) return { kind: 'skipped', by: 'links' };
    if (entry.isDirectory()) return { folder: absolute, path: `${below}/` };
    try {
      const stats = await lstat(absolute);
      // Some file systems do not say in the listing what a name is.
      if (stats.isDirectory()) return { folder: absolute, path: `${below}/` };
      return stats.isSymbolicLink() ? await this.#follow(absolute, below) : ofStats(below, stats);
    } catch (error) {
      const code = codeOf(error);
      if (code === undefined) throw error;
      const reason = code === 'ENOENT' ? 'it vanished while its folder was listed (ENOENT)' : `its attributes could not be read (${code})`;
      return { kind: 'unreadable', failure: { path: below, reason } };
    }
  }

  async #follow(link: string, below: string): Promise<WalkEntry | { folder: string; path: string }> {
    const target = await this.#links.follow(link);
    if (target === undefined) return { kind: 'skipped', by: 'links' };
    const stats = await stat(target);
    return stats.isDirectory() ? { folder: target, path: `${below}/` } : ofStats(below, stats);
  }
}

async function* batches(folder: string, signal: AbortSignal): AsyncIterable<Dirent[]> {
  const directory = await opendir(folder, { encoding: NAME_BYTES, bufferSize: BATCH });
  try {
    let batch: Dirent[] = [];
    for (;;) {
      signal.throwIfAborted();
      const entry = await directory.read();
      if (entry !== null) batch.push(entry);
      if (batch.length === BATCH || (entry === null && batch.length > 0)) {
        yield batch;
        batch = [];
      }
      if (entry === null) return;
    }
  } finally {
    await directory.close();
  }
}

function ofStats(path: string, stats: Stats): WalkEntry {
  if (!stats.isFile()) return { kind: 'skipped', by: 'special' };
  return { kind: 'file', file: { path, size: stats.size, mtimeMs: stats.mtimeMs } };
}

/** The code of an error of the file system; undefined for any other error. */
function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'errno' in error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
