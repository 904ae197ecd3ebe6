import { stat } from 'node:fs/promises';
import { compressionOf, MAGIC_BYTES } from '../source/compression.ts';
import { refusal } from '../source/file-bytes.ts';
import { openPieces, toStream } from '../source/open-pieces.ts';
import { Pieces } from '../source/pieces.ts';
import { type ByteStream, isUrl, type ShardInput, shardName } from '../source/shard-input.ts';
import { FileSource, MemorySource, type TarSource } from './source.ts';
import { StreamSource } from './stream-source.ts';

/** What archives can be read from: a path, a URL, the whole archive in memory, a stream, or a custom shard. */
export type TarInput = ShardInput | Uint8Array | ByteStream;

/** How to open one. */
interface OpenArchiveOptions {
  readonly name: string;
  /** True when a window must stay valid after the next one was asked for. */
  readonly keepsWindows: boolean;
  readonly signal: AbortSignal | undefined;
}

/** What messages call an archive. */
export function archiveName(input: TarInput): string {
  if (typeof input === 'string') return shardName(input);
  if (input instanceof Uint8Array) return '<buffer>';
  return isStream(input) ? '<stream>' : input.name;
}

/** Opens an archive for one pass. What is compressed, or comes from elsewhere than a file or memory, is a stream. */
export async function openArchive(input: TarInput, { name, keepsWindows, signal }: OpenArchiveOptions): Promise<TarSource> {
  if (typeof input === 'string') return isUrl(input) ? new StreamSource(openPieces(input, signal)) : openFile(input, keepsWindows, signal);
  if (input instanceof Uint8Array) {
    const bytes = Buffer.from(input.buffer, input.byteOffset, input.byteLength);
    if (compressionOf(bytes) === undefined) return new MemorySource(bytes);
  } else if (!isStream(input)) return new StreamSource(openPieces(input, signal));
  return new StreamSource(new Pieces(name, () => toStream(input), signal));
}

async function openFile(path: string, keepsWindows: boolean, signal: AbortSignal | undefined): Promise<TarSource> {
  const isFile = await stat(path).then(
    (stats) => stats.isFile(),
    (error: unknown) => {
      throw refusal(path, 'open', error);
    },
  );
  // A pipe, say.
  if (!isFile) return new StreamSource(openPieces(path, signal));
  const file = await FileSource.open(path, keepsWindows);
  try {
    if (compressionOf(await file.read(0, Math.min(MAGIC_BYTES, file.size))) === undefined) return file;
  } catch (error) {
    await file[Symbol.asyncDispose]();
    throw error;
  }
  await file[Symbol.asyncDispose]();
  return new StreamSource(openPieces(path, signal));
}

function isStream(input: ByteStream | Uint8Array | Exclude<ShardInput, string>): input is ByteStream {
  return Symbol.asyncIterator in input;
}
