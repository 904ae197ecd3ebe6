import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { reasonOf, WebDatasetError } from '../errors.ts';
import { removeAbandoned, temporaryName } from '../temporary-files.ts';

/** What an index in the cache is found by: never where the shard lies. */
export interface IndexKey {
  /** Base name of the shard. */
  readonly name: string;
  /** Its length as it is stored. */
  readonly size: number;
  readonly mtimeMs: number;
  /** Address of the rule of names; undefined for that of Python webdataset. */
  readonly splitName: string | undefined;
}

/** Where indexes go by default: the user's cache directory, as data sets are often mounted read-only. */
export function defaultIndexDir(environment: NodeJS.ProcessEnv = process.env): string {
  // The XDG specification says to ignore a relative path.
  const base = environment['XDG_CACHE_HOME'];
  return join(base?.startsWith('/') === true ? base : join(homedir(), '.cache'), 'warpforge', 'webdataset');
}

/**
 * A folder of indexes, one file each, which any number of processes read and write at the same time: a file appears under its name when it
 * is complete, and what two write under one name is the same.
 */
export class IndexCache {
  readonly directory: string;
  #cleaned: Promise<void> | undefined;

  constructor(directory: string) {
    this.directory = directory;
  }

  pathOf({ name, size, mtimeMs, splitName }: IndexKey): string {
    const digest = createHash('sha256').update(JSON.stringify([name, size, mtimeMs, splitName ?? null]));
    return join(this.directory, `${digest.digest('hex')}.idx`);
  }

  /**
   * The index's bytes; undefined when there is none.
   *
   * @throws {@link WebDatasetError} `WDS_READ` when there is one that cannot be read
   */
  async read(path: string): Promise<Buffer | undefined> {
    try {
      return await readFile(path);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw new WebDatasetError('WDS_READ', `cannot read the index: ${reasonOf(error)}`, { shard: path, cause: error });
    }
  }

  /** @throws {@link WebDatasetError} `WDS_WRITE` */
  async write(path: string, text: string): Promise<void> {
    let temporary: string | undefined;
    try {
      await mkdir(this.directory, { recursive: true });
      await (this.#cleaned ??= removeAbandoned(this.directory, (name) => name.endsWith('.idx')));
      temporary = join(this.directory, await temporaryName(basename(path)));
      await writeFile(temporary, text, { flag: 'wx' });
      await rename(temporary, path);
    } catch (error) {
      // What cannot be removed now is hidden, and goes when the next process writes here.
      if (temporary !== undefined) await rm(temporary, { force: true }).catch(() => undefined);
      throw new WebDatasetError(
        'WDS_WRITE',
        `the folder of indexes "${this.directory}" cannot be written: ${reasonOf(error)}; choose another one (indexDir), or index the data set once with \`webdataset index\``,
        { cause: error },
      );
    }
  }
}

/** True when there is no such file. */
export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR');
}
