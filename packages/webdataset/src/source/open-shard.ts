import { compressionOf, MAGIC_BYTES } from './compression.ts';
import { uncompressed } from './decompress.ts';
import { FileBytes } from './file-bytes.ts';
import { HttpBytes } from './http-bytes.ts';
import { HttpSource } from './http-source.ts';
import { NETWORK, type Network } from './network.ts';
import { openPieces } from './open-pieces.ts';
import { type OpenStream, Pieces } from './pieces.ts';
import type { ShardBytes, ShardLocation } from './shard-bytes.ts';
import type { CustomShard } from './shard-input.ts';
import { spool } from './spool.ts';

/** How to open a shard. */
export interface OpenShardOptions {
  /** Ends the opening (which may decompress or download) with its reason. */
  readonly signal?: AbortSignal;
}

/**
 * Opens a shard for reading at random, in any thread. One that is compressed (by its first bytes, whatever its name) or that a server
 * gives only as a whole is first written, uncompressed, to a temporary file without a name.
 *
 * @throws {@link WebDatasetError} `WDS_READ`, `WDS_UNSUPPORTED`, `WDS_SPOOL`, `WDS_CHANGED`, `WDS_TRUNCATED` or `WDS_DECOMPRESS`
 */
export async function openShard(location: ShardLocation, options: OpenShardOptions = {}): Promise<ShardBytes> {
  options.signal?.throwIfAborted();
  switch (location.kind) {
    case 'spooled':
      return FileBytes.shared(location);
    case 'file':
      return openFile(location, options.signal);
    case 'http':
      return openUrl(location, options.signal, NETWORK);
  }
}

async function openFile(location: Extract<ShardLocation, { kind: 'file' }>, signal: AbortSignal | undefined): Promise<ShardBytes> {
  const file = FileBytes.open(location);
  try {
    if (compressionOf(file.read(Buffer.alloc(MAGIC_BYTES), 0)) === undefined) return file;
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
  await file[Symbol.asyncDispose]();
  return spoolPieces(openPieces(location.path, signal, location.name));
}

/** {@link openShard} of a URL. */
export async function openUrl(
  location: Extract<ShardLocation, { kind: 'http' }>,
  signal: AbortSignal | undefined,
  network: Network,
): Promise<ShardBytes> {
  const source = new HttpSource(location, network);
  const { size, ranges, head } = await source.probe(MAGIC_BYTES, signal);
  if (ranges && size !== undefined && compressionOf(head) === undefined) return new HttpBytes(location, source, size);
  const open: OpenStream = (ending) => source.stream(0, Infinity, ending);
  return spoolPieces(new Pieces(location.name, open, signal));
}

/** Writes what a custom shard gives to a temporary file. */
export function spoolShard(shard: CustomShard, signal: AbortSignal | undefined): Promise<ShardBytes> {
  return spoolPieces(openPieces(shard, signal));
}

async function spoolPieces(pieces: Pieces): Promise<ShardBytes> {
  await using opened = pieces;
  return await spool(opened.name, uncompressed(opened));
}
