import { readFile } from 'node:fs/promises';
import { reasonOf, WebDatasetError } from '../errors.ts';
import { toHttpLocation } from '../source/location.ts';
import { NETWORK } from '../source/network.ts';
import { isUrl, shardName } from '../source/shard-input.ts';
import { isMissing } from './index-cache.ts';
import { indexPathOf } from './index-path.ts';

/** Answers of servers that have no such file, or do not tell strangers whether they have it. */
const ABSENT_STATUSES: ReadonlySet<number> = new Set([401, 403, 404, 410]);

/**
 * The bytes of the index beside a shard; undefined when there is none.
 *
 * @throws {@link WebDatasetError} `WDS_READ` when there is one that cannot be read
 */
export async function readBeside(shard: string, signal: AbortSignal | undefined): Promise<Uint8Array | undefined> {
  const path = indexPathOf(shard);
  try {
    return await (isUrl(path) ? fetchIndex(path, signal) : readFile(path, signal === undefined ? {} : { signal }));
  } catch (error) {
    signal?.throwIfAborted();
    if (isMissing(error)) return undefined;
    throw new WebDatasetError('WDS_READ', `cannot read the index: ${reasonOf(error)}`, { shard: shardName(path), cause: error });
  }
}

/** One attempt: an index that cannot be fetched costs a pass over the shard, and no more. */
async function fetchIndex(indexUrl: string, signal: AbortSignal | undefined): Promise<Uint8Array | undefined> {
  const { url, headers = {} } = toHttpLocation(indexUrl);
  const patience = AbortSignal.timeout(NETWORK.stallMs);
  const response = await NETWORK.fetch(url, { headers, signal: signal === undefined ? patience : AbortSignal.any([signal, patience]) });
  if (response.ok && response.body !== null) return collect(response.body);
  await response.body?.cancel();
  if (ABSENT_STATUSES.has(response.status)) return undefined;
  throw new Error(`the server answers HTTP ${response.status}`);
}

/** Far more than an index of a million samples takes; a server that answers everything with something may send without end. */
const MAX_INDEX_BYTES = 256 * 1024 * 1024;

async function collect(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of body) {
    length += piece.length;
    if (length > MAX_INDEX_BYTES) throw new Error(`it is longer than ${MAX_INDEX_BYTES} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
