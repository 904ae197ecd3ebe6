import { mkdir, readdir, rename, rm, rmdir } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { reasonOf, WebDatasetError } from '../errors.ts';
import { isNameOf, type WrittenShard } from '../shard-writer.ts';
import { removeAbandoned, temporaryName } from '../temporary-files.ts';
import { CommandError } from './failure.ts';

/** What the hidden folder is called after, in which shards wait for the last one of them. */
const STAGING = 'webdataset';

/**
 * The folder that a command fills with shards. They are written into a hidden folder inside, and get their places when the last one is
 * complete: a data set that is half there, after Ctrl-C or a fault, cannot be taken for a whole one.
 */
export class ShardFolder implements AsyncDisposable {
  /** Where to write the shards. */
  readonly staging: string;
  readonly #directory: string;
  readonly #isOurs: (name: string) => boolean;
  /** The outermost folder that had to be made. */
  readonly #made: string | undefined;

  private constructor(directory: string, staging: string, isOurs: (name: string) => boolean, made: string | undefined) {
    this.#directory = directory;
    this.staging = staging;
    this.#isOurs = isOurs;
    this.#made = made;
  }

  /**
   * @param force true to replace shards that are there already, all that the pattern could name
   * @throws {@link CommandError} `OUTPUT_EXISTS`; {@link WebDatasetError} `WDS_WRITE`
   */
  static async open(directory: string, { pattern, force }: { readonly pattern: string; readonly force: boolean }): Promise<ShardFolder> {
    const isOurs = isNameOf(pattern);
    return guarded(directory, async () => {
      const made = await mkdir(directory, { recursive: true });
      const existing = (await readdir(directory)).filter(isOurs).sort()[0];
      if (existing !== undefined && !force) {
        throw new CommandError(
          'OUTPUT_EXISTS',
          `${join(directory, existing)} is there already; choose another --out, or replace it and its like with --force`,
        );
      }
      await removeAbandoned(directory, (name) => name === STAGING);
      const staging = join(directory, await temporaryName(STAGING));
      await mkdir(staging);
      return new ShardFolder(directory, staging, isOurs, made);
    });
  }

  /** Gives the shards their places, and removes the ones that were replaced; returns where they are. */
  async publish(shards: readonly WrittenShard[]): Promise<readonly WrittenShard[]> {
    return guarded(this.#directory, async () => {
      const old = new Set((await readdir(this.#directory)).filter(this.#isOurs));
      const place = (path: string): string => join(this.#directory, basename(path));
      const published: WrittenShard[] = [];
      for (const { path, indexPath, ...rest } of shards) {
        // As the writer does it: never an index beside a shard that it was not made for.
        for (const name of [...old].filter((entry) => extname(entry) === '.idx' && stem(entry) === stem(basename(path)))) {
          await rm(join(this.#directory, name), { force: true });
        }
        await rename(path, place(path));
        if (indexPath !== undefined) await rename(indexPath, place(indexPath));
        published.push({ path: place(path), indexPath: indexPath && place(indexPath), ...rest });
      }
      const kept = new Set(published.flatMap(({ path, indexPath }) => [path, indexPath ?? '']).map((path) => basename(path)));
      for (const name of old) if (!kept.has(name)) await rm(join(this.#directory, name), { force: true });
      return published;
    });
  }

  /** Removes what did not get its place, and folders that were made for nothing. */
  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.staging, { recursive: true, force: true });
    if (this.#made === undefined) return;
    const outermost = resolve(this.#made);
    for (let folder = resolve(this.#directory); folder.length >= outermost.length; folder = dirname(folder)) {
      if (!(await removeIfEmpty(folder))) return;
    }
  }
}

function stem(name: string): string {
  return name.replace(/\..*$/, '');
}

async function removeIfEmpty(folder: string): Promise<boolean> {
  try {
    await rmdir(folder);
    return true;
  } catch {
    return false; // It has what was packed.
  }
}

async function guarded<T>(folder: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof CommandError) throw error;
    throw new WebDatasetError('WDS_WRITE', `cannot write to "${folder}": ${reasonOf(error)}`, { cause: error });
  }
}
