import { open, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { reasonOf, WebDatasetError } from '../../errors.ts';
import { readBeside } from '../../shard-index/beside.ts';
import { findMismatch } from '../../shard-index/check-index.ts';
import { indexPathOf } from '../../shard-index/index-path.ts';
import { indexShard } from '../../shard-index/index-shard.ts';
import { formatIndex, parseIndex } from '../../shard-index/index-text.ts';
import { openAtRandom } from '../../shard-index/open-at-random.ts';
import type { ShardIndex } from '../../shard-index/shard-index.ts';
import { removeAbandoned, temporaryName } from '../../temporary-files.ts';
import { differenceOf } from './index-difference.ts';

/** What became of the index beside a shard. */
export interface IndexOutcome {
  readonly shard: string;
  readonly index: string;
  readonly samples: number;
  /** `written` anew; `fresh`, and left as it was; `correct`, as a whole pass over the shard has shown. */
  readonly status: 'written' | 'fresh' | 'correct';
}

/**
 * Writes the index beside a shard, unless there is one that is younger than the shard and fits it.
 *
 * @param force write it in any case
 * @throws {@link WebDatasetError} what is wrong with the shard, `WDS_UNSUPPORTED` for a compressed one, `WDS_BAD_INDEX` for names that an
 *   index cannot hold, `WDS_WRITE`
 */
export async function writeIndexBeside(
  shard: string,
  options: { readonly force: boolean; readonly signal: AbortSignal },
): Promise<IndexOutcome> {
  const path = indexPathOf(shard);
  await refuseCompressed(shard, options.signal);
  const existing = options.force ? undefined : await freshIndex(shard, path, options.signal);
  if (existing !== undefined) return { shard, index: path, samples: existing.samples.length, status: 'fresh' };
  const index = await indexShard(shard, { signal: options.signal });
  await writeAtomically(
    path,
    inShard(shard, () => formatIndex(index)),
  );
  return { shard, index: path, samples: index.samples.length, status: 'written' };
}

/**
 * Compares the index beside a shard with the whole shard.
 *
 * @throws {@link WebDatasetError} `WDS_BAD_INDEX` when there is none, or it is wrong; what is wrong with the shard
 */
export async function checkIndexBeside(shard: string, signal: AbortSignal): Promise<IndexOutcome> {
  const path = indexPathOf(shard);
  const index = await readIndexBeside(shard, signal);
  if (index === undefined) throw wrong(shard, `there is no index ${path}; "webdataset index" writes it`);
  const actual = await indexShard(shard, { signal });
  const difference = differenceOf(index, actual);
  if (difference !== undefined)
    throw wrong(shard, `its index ${path} is not that of the shard: ${difference}; "webdataset index --force" makes it anew`);
  return { shard, index: path, samples: actual.samples.length, status: 'correct' };
}

/**
 * The index beside a shard, not compared with it; undefined when there is none.
 *
 * @throws {@link WebDatasetError} `WDS_BAD_INDEX` when it is malformed
 */
export async function readIndexBeside(shard: string, signal: AbortSignal): Promise<ShardIndex | undefined> {
  const bytes = await readBeside(shard, signal);
  return bytes && parseIndex(Buffer.from(bytes).toString(), { name: indexPathOf(shard) });
}

async function freshIndex(shard: string, path: string, signal: AbortSignal): Promise<ShardIndex | undefined> {
  try {
    const index = await readIndexBeside(shard, signal);
    if (index === undefined) return undefined;
    await using stored = await openAtRandom(shard, signal);
    if (stored.mtimeMs === undefined || (await stat(path)).mtimeMs < stored.mtimeMs) return undefined;
    return (await findMismatch(index, stored)) === undefined ? index : undefined;
  } catch (error) {
    if (error instanceof WebDatasetError && error.code === 'WDS_BAD_INDEX') return undefined;
    throw error;
  }
}

async function refuseCompressed(shard: string, signal: AbortSignal): Promise<void> {
  await using stored = await openAtRandom(shard, signal);
  if (stored.isRandom) return;
  throw new WebDatasetError('WDS_UNSUPPORTED', 'the shard is compressed, and an index tells of places in plain ones; decompress it first', {
    shard,
  });
}

async function writeAtomically(path: string, text: string): Promise<void> {
  const folder = dirname(path);
  try {
    await removeAbandoned(folder, (name) => name === basename(path));
    const temporaryPath = join(folder, await temporaryName(basename(path)));
    try {
      await using file = await open(temporaryPath, 'wx');
      await file.writeFile(text);
      await rename(temporaryPath, path);
    } finally {
      await rm(temporaryPath, { force: true });
    }
  } catch (error) {
    const advice = 'on a read-only mount, readers keep their indexes in the cache folder of the user';
    throw new WebDatasetError('WDS_WRITE', `cannot write the index: ${reasonOf(error)} (${advice})`, { shard: path, cause: error });
  }
}

/** Adds the name of the shard to what the index format refuses. */
function inShard<T>(shard: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof WebDatasetError)) throw error;
    throw new WebDatasetError(error.code, error.reason, { shard, key: error.key, cause: error });
  }
}

function wrong(shard: string, reason: string): WebDatasetError {
  return new WebDatasetError('WDS_BAD_INDEX', reason, { shard });
}
