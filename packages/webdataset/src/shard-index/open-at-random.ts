import { open } from 'node:fs/promises';
import { compressionOf, MAGIC_BYTES } from '../source/compression.ts';
import { refusal } from '../source/file-bytes.ts';
import { HttpBytes } from '../source/http-bytes.ts';
import { HttpSource } from '../source/http-source.ts';
import { toHttpLocation } from '../source/location.ts';
import { NETWORK } from '../source/network.ts';
import { isUrl } from '../source/shard-input.ts';

/** A shard as it is stored, to look into here and there without blocking the thread. */
export interface StoredShard extends AsyncDisposable {
  /** Length in bytes. */
  readonly size: number;
  /** When it was changed, in milliseconds since the epoch; undefined where a server does not tell. */
  readonly mtimeMs: number | undefined;
  /** False for a compressed shard, and one whose server gives it only as a whole. */
  readonly isRandom: boolean;
  /** `length` bytes from `position` on; fewer only at the end. */
  read(position: number, length: number): Promise<Buffer>;
}

/**
 * Opens a path or URL as it is stored.
 *
 * @throws {@link WebDatasetError} `WDS_READ`, `WDS_BAD_SPEC`
 */
export function openAtRandom(shard: string, signal?: AbortSignal): Promise<StoredShard> {
  signal?.throwIfAborted();
  return isUrl(shard) ? openUrl(shard, signal) : openFile(shard);
}

async function openFile(path: string): Promise<StoredShard> {
  const file = await guarded(path, 'open', () => open(path, 'r'));
  const read = async (position: number, length: number): Promise<Buffer> => {
    const target = Buffer.alloc(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await guarded(path, 'read', () => file.read(target, filled, length - filled, position + filled));
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return target.subarray(0, filled);
  };
  try {
    const { size, mtimeMs } = await guarded(path, 'examine', () => file.stat());
    const isRandom = compressionOf(await read(0, MAGIC_BYTES)) === undefined;
    return { size, mtimeMs, isRandom, read, [Symbol.asyncDispose]: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openUrl(url: string, signal: AbortSignal | undefined): Promise<StoredShard> {
  const location = toHttpLocation(url);
  const source = new HttpSource(location, NETWORK);
  const { size, ranges, head, mtimeMs } = await source.probe(MAGIC_BYTES, signal);
  const bytes = new HttpBytes(location, source, size ?? 0);
  return {
    size: size ?? 0,
    mtimeMs: size === undefined ? undefined : mtimeMs,
    isRandom: ranges && size !== undefined && compressionOf(head) === undefined,
    read: (position, length) => bytes.read(Buffer.alloc(length), position),
    [Symbol.asyncDispose]: () => bytes[Symbol.asyncDispose](),
  };
}

async function guarded<T>(path: string, verb: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw refusal(path, verb, error);
  }
}
