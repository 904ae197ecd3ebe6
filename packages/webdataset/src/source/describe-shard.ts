import { stat } from 'node:fs/promises';
import { refusal } from './file-bytes.ts';
import { HttpSource } from './http-source.ts';
import { toHttpLocation } from './location.ts';
import { NETWORK } from './network.ts';
import { openPieces } from './open-pieces.ts';
import { isUrl, shardBaseName, type ShardInput } from './shard-input.ts';

/** What tells one shard from another without reading it. */
export interface ShardDescription {
  /** Last component of its path, URL or name. */
  readonly name: string;
  /** Length in bytes as it is stored (compressed, if it is). */
  readonly size: number;
  /** When it was changed, in milliseconds since the epoch, where that is known. */
  readonly mtimeMs?: number;
}

/**
 * Describes a shard, for fingerprints and cache keys: `stat` of a file, one request for a URL. A custom shard without `size`, and a URL
 * whose server does not tell the length, are read once to count it.
 *
 * @throws {@link WebDatasetError} `WDS_READ`, `WDS_BAD_SPEC`
 */
export async function describeShard(input: ShardInput, options: { readonly signal?: AbortSignal } = {}): Promise<ShardDescription> {
  const { signal } = options;
  signal?.throwIfAborted();
  const name = shardBaseName(input);
  if (typeof input !== 'string') return { name, size: input.size ?? (await countBytes(input, signal)) };
  if (isUrl(input)) {
    // A GET of one byte, not HEAD: URLs that were signed for reading refuse that.
    const { size, mtimeMs } = await new HttpSource(toHttpLocation(input), NETWORK).probe(1, signal);
    return { name, size: size ?? (await countBytes(input, signal)), ...(mtimeMs === undefined ? {} : { mtimeMs }) };
  }
  try {
    const { size, mtimeMs } = await stat(input);
    return { name, size, mtimeMs };
  } catch (error) {
    throw refusal(input, 'examine', error);
  }
}

async function countBytes(input: ShardInput, signal: AbortSignal | undefined): Promise<number> {
  await using pieces = openPieces(input, signal);
  let count = 0;
  for await (const piece of pieces) count += piece.length;
  return count;
}
