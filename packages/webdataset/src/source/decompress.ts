import * as zlib from 'node:zlib';
import { reasonOf, WebDatasetError } from '../errors.ts';
import { type Compression, compressionOf, MAGIC_BYTES } from './compression.ts';
import type { Pieces } from './pieces.ts';

/** Bytes that come out at once: large enough that calls into zlib do not count, small enough to stay in a cache. */
const CHUNK_BYTES = 256 * 1024;

type Decoder = zlib.Gunzip | zlib.ZstdDecompress;

/**
 * The pieces of a shard, decompressed if their first bytes say so. Gzip members and zstd frames that follow each other are one stream, as
 * in `gzip`, `zstd`, `cat` and parallel writers. Memory is bounded by a piece and {@link CHUNK_BYTES}.
 *
 * @throws {@link WebDatasetError} `WDS_UNSUPPORTED` for other compressions, `WDS_TRUNCATED` and `WDS_DECOMPRESS` for damaged ones
 */
export async function* uncompressed(pieces: Pieces): AsyncGenerator<Buffer, void, undefined> {
  const { name } = pieces;
  const compression = compressionOf(await pieces.peek(MAGIC_BYTES));
  if (compression === undefined) yield* pieces;
  else yield* decompress(pieces, name, decoderFor(compression, name), compression);
}

function decoderFor(compression: Compression, name: string): () => Decoder {
  const options = { chunkSize: CHUNK_BYTES };
  if (compression === 'gzip') return () => zlib.createGunzip(options);
  const isZstd = compression === 'zstd';
  // The types know the newest Node 24; Node 22 has zstd from 22.15 on, Node 23 from 23.8 on.
  if (isZstd && typeof zlib.createZstdDecompress === 'function') return () => zlib.createZstdDecompress(options);
  const advice = isZstd
    ? `Node ${process.version} cannot read it: use Node 22.18 or newer, or decompress the shard first`
    : 'decompress it first, or use gzip or zstd';
  throw new WebDatasetError('WDS_UNSUPPORTED', `the shard is compressed with ${compression}; ${advice}`, { shard: name, offset: 0 });
}

async function* decompress(
  pieces: Pieces,
  name: string,
  createDecoder: () => Decoder,
  compression: Compression,
): AsyncGenerator<Buffer, void, undefined> {
  let produced = 0;
  try {
    do {
      const decoder = createDecoder();
      const feeding = feed(decoder, pieces);
      // Its failure is the decoder's, which the loop below throws.
      feeding.catch((error: unknown) => decoder.destroy(error instanceof Error ? error : new Error(String(error))));
      for await (const chunk of decoder as AsyncIterable<Buffer>) {
        produced += chunk.length;
        yield chunk;
      }
      await feeding;
    } while (await hasMore(pieces, compression));
  } catch (error) {
    throw toFault(error, compression, { shard: name, offset: produced });
  }
}

/** Writes pieces until the decoder wants no more (what it did not take is put back), or there are none. */
async function feed(decoder: Decoder, pieces: Pieces): Promise<void> {
  for (;;) {
    const piece = await pieces.next();
    if (piece === undefined) {
      decoder.end();
      return;
    }
    const before = decoder.bytesWritten;
    await write(decoder, piece);
    const taken = decoder.bytesWritten - before;
    if (taken === piece.length) continue;
    // Node's decoders stop without an error at the end of a zstd frame, and at zeros after a gzip member.
    pieces.unread(piece.subarray(taken));
    return;
  }
}

function write(decoder: Decoder, piece: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    decoder.write(piece, (error) => {
      if (error) reject(error);
      else resolve();
    });
  });
}

/** True when another frame follows. Zeros after a gzip stream are padding, as of tapes; anything else would be lost. */
async function hasMore(pieces: Pieces, compression: Compression): Promise<boolean> {
  const first = await pieces.peek(1);
  if (first.length === 0) return false;
  if (compression !== 'gzip') return true;
  for await (const piece of pieces) {
    if (piece.some((byte) => byte !== 0)) throw new DecompressionFault('there is data after its end');
  }
  return false;
}

/** Damage that the decoder itself passes over. */
class DecompressionFault extends Error {
  override readonly name = 'DecompressionFault';
}

function toFault(error: unknown, compression: Compression, place: { shard: string; offset: number }): unknown {
  if (error instanceof DecompressionFault) {
    return new WebDatasetError('WDS_DECOMPRESS', `the ${compression} stream is damaged: ${error.message}`, place);
  }
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (typeof code !== 'string' || !/^(Z_|ZSTD_|ERR_ZLIB_)/.test(code)) return error;
  if (code === 'Z_BUF_ERROR') {
    return new WebDatasetError('WDS_TRUNCATED', `the shard is truncated: its ${compression} stream has no end`, { ...place, cause: error });
  }
  return new WebDatasetError('WDS_DECOMPRESS', `the ${compression} stream is damaged: ${reasonOf(error)}`, { ...place, cause: error });
}
