import { open } from 'node:fs/promises';
import { refusal } from './file-bytes.ts';
import { HttpSource } from './http-source.ts';
import { NETWORK } from './network.ts';
import { type OpenStream, Pieces } from './pieces.ts';
import { toHttpLocation } from './location.ts';
import { type ByteStream, isUrl, type ShardInput, shardName } from './shard-input.ts';

/** Bytes read from a file at once. */
const PIECE_BYTES = 1024 * 1024;

/**
 * The bytes of a shard as they are stored, front to back.
 *
 * @param name of the shard, for messages
 */
export function openPieces(input: ShardInput, signal: AbortSignal | undefined, name = shardName(input)): Pieces {
  return new Pieces(name, opener(input, name), signal);
}

function opener(input: ShardInput, name: string): OpenStream {
  if (typeof input !== 'string') return async (signal) => toStream(await input.open({ signal }));
  if (isUrl(input)) return (signal) => new HttpSource(toHttpLocation(input), NETWORK).stream(0, Infinity, signal);
  return () => fileStream(input, name);
}

/** Bytes in memory as a stream of one piece; a stream as it is. */
export function toStream(opened: ByteStream | Uint8Array): ByteStream {
  return opened instanceof Uint8Array ? single(opened) : opened;
}

async function* single(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, undefined> {
  yield await Promise.resolve(bytes);
}

async function* fileStream(path: string, name: string): AsyncGenerator<Buffer, void, undefined> {
  try {
    await using file = await open(path, 'r');
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafeSlow(PIECE_BYTES), 0, PIECE_BYTES, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } catch (error) {
    throw refusal(name, 'read', error);
  }
}
