import { closeSync, constants, existsSync, fstatSync, openSync, read, readSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { OriginError } from './answers.ts';

/** An open file of a container. */
export interface StoredBlob extends Disposable {
  readonly size: number;
  readonly etag: string;
  readonly lastModifiedMs: number;
  /** Reads without leaving the thread: for short ranges, whose bytes are in the page cache as a rule. */
  readNow(offset: number, length: number): Buffer;
  /** Reads from disk piece by piece, in the background. */
  stream(offset: number, length: number, pieceBytes: number): AsyncIterable<Buffer>;
}

/** Where the file of a blob is, or would be; undefined for a name that no file of the folder can have. */
export function blobPath(folder: string, name: string): string | undefined {
  const isPlain = name.split('/').every((part) => part !== '' && part !== '.' && part !== '..' && !part.includes('\0'));
  return isPlain ? join(folder, name) : undefined;
}

/**
 * Opens a blob of the container in `folder`. Blocking on purpose: opening a file in memory takes 10 µs here and ten times that through the
 * thread pool.
 */
export function openBlob(folder: string, name: string): StoredBlob {
  const path = blobPath(folder, name);
  const fd = path === undefined ? undefined : tryOpen(path);
  if (fd === undefined) throw new OriginError(404, existsSync(folder) ? 'BlobNotFound' : 'ContainerNotFound');
  const stats = fstatSync(fd, { bigint: true });
  if (!stats.isFile()) {
    closeSync(fd);
    throw new OriginError(404, 'BlobNotFound');
  }
  return {
    size: Number(stats.size),
    // As LocalBackend makes it, which lists the folder.
    etag: `"${stats.mtimeNs.toString(16)}-${stats.size.toString(16)}-${stats.ino.toString(16)}"`,
    lastModifiedMs: Number(stats.mtimeNs / 1_000_000n),
    readNow: (offset, length) => {
      const bytes = Buffer.allocUnsafe(length);
      return bytes.subarray(0, readSync(fd, bytes, 0, length, offset));
    },
    stream: (offset, length, pieceBytes) => streamRange(fd, offset, length, pieceBytes),
    [Symbol.dispose]: () => closeSync(fd),
  };
}

const readAsync = promisify(read);

/** Between two pieces no read is under way, so the file may be closed there. */
async function* streamRange(fd: number, offset: number, length: number, pieceBytes: number): AsyncGenerator<Buffer, void> {
  for (let position = offset; position < offset + length;) {
    const wanted = Math.min(pieceBytes, offset + length - position);
    const { bytesRead, buffer } = await readAsync(fd, Buffer.allocUnsafe(wanted), 0, wanted, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

function tryOpen(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (error instanceof Error && 'code' in error && ['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP'].includes(String(error.code)))
      return undefined;
    throw error;
  }
}
