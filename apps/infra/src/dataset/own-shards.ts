import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandError } from '../failure.ts';
import type { DatasetShard } from './dataset-shard.ts';

/** How to find shards that somebody else has made. */
export interface OwnShardsOptions {
  readonly folder: string;
  /** Where indexes are written of shards that have none beside them. */
  readonly workFolder: string;
  readonly signal: AbortSignal;
  /** Told of a shard that cannot have an index. */
  readonly onWarning: (message: string) => void;
}

/**
 * The `.tar` files in a folder (not in folders below it), sorted by name. A shard's number is the one that its name ends with
 * (`shard-000007.tar` is 7); unless all names have one, it is the place in the list.
 *
 * @throws {CommandError} `USAGE` when there is none
 * @throws {WebDatasetError} for a shard that has no index and cannot be read
 */
export async function ownShards(options: OwnShardsOptions): Promise<readonly DatasetShard[]> {
  const names = await tarNames(options.folder);
  const numbers = names.map((name) => /(\d+)\.tar$/.exec(name)?.[1]);
  const isNumbered = numbers.every((number) => number !== undefined);
  const shards: DatasetShard[] = [];
  for (const [place, name] of names.entries()) {
    options.signal.throwIfAborted();
    const path = join(options.folder, name);
    const index = await indexOf(path, name, options);
    shards.push({
      name,
      number: isNumbered ? Number(numbers[place]) : place,
      path,
      index: index === undefined ? undefined : { path: index },
    });
  }
  return shards;
}

async function tarNames(folder: string): Promise<string[]> {
  let names: string[];
  try {
    names = (await readdir(folder, { withFileTypes: true })).filter((entry) => !entry.isDirectory()).map(({ name }) => name);
  } catch (cause) {
    throw new CommandError('USAGE', `cannot read the folder ${folder}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
  const tars = names.filter((name) => name.endsWith('.tar') && !name.startsWith('.')).sort();
  if (tars.length === 0)
    throw new CommandError('USAGE', `there are no shards (*.tar) in ${folder}; name the folder that has them with --folder`);
  return tars;
}

/** The index beside a shard, or one that is made now; undefined for a shard that the format of indexes cannot describe. */
async function indexOf(path: string, name: string, { workFolder, signal, onWarning }: OwnShardsOptions): Promise<string | undefined> {
  const { findIndex, formatIndex, indexPathOf, indexShard, WebDatasetError } = await import('@warpforge/webdataset');
  const beside = indexPathOf(path);
  if (await isFile(beside)) return beside;
  const folder = join(workFolder, 'indexes');
  await mkdir(folder, { recursive: true });
  const made = join(folder, indexPathOf(name));
  try {
    // One pass over the headers: what an earlier run has written might be of another shard of this name.
    await writeFile(made, formatIndex((await findIndex(path, { signal })) ?? (await indexShard(path, { signal }))));
    return made;
  } catch (error) {
    if (!(error instanceof WebDatasetError) || error.code !== 'WDS_BAD_INDEX') throw error;
    onWarning(`${name} is uploaded without an index: ${error.reason}`);
    return undefined;
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return false;
    throw error;
  }
}
