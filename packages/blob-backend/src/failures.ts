// The failures that every backend words alike.
import type { ReadOptions } from './backend.ts';
import { BlobError } from './errors.ts';

/** `BLOB_NOT_FOUND`. */
export function blobNotFound(backend: string, path: string, cause?: unknown): BlobError {
  return new BlobError('BLOB_NOT_FOUND', 'not_found', backend, `there is no blob "${path}"`, { cause });
}

/** `BLOB_CHANGED`. */
export function blobChanged(backend: string, path: string, cause?: unknown): BlobError {
  const message = `"${path}" has changed since its properties were read; read them again`;
  return new BlobError('BLOB_CHANGED', 'changed', backend, message, { cause });
}

/** `BLOB_RANGE`; `size` is the blob's length where it is known. */
export function outOfRange(backend: string, path: string, { offset, length }: ReadOptions, size?: number, cause?: unknown): BlobError {
  const holds = size === undefined ? '' : ` of ${size} bytes`;
  return new BlobError('BLOB_RANGE', 'range', backend, `${length} bytes from ${offset} lie outside "${path}"${holds}`, { cause });
}

/** Throws `BLOB_RANGE` unless the range has at least one byte, starts at 0 or later and ends inside `size`. */
export function assertRange(backend: string, path: string, range: ReadOptions, size = Number.MAX_SAFE_INTEGER): void {
  const { offset, length } = range;
  const valid = Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 1 && offset + length <= size;
  if (!valid) throw outOfRange(backend, path, range, size === Number.MAX_SAFE_INTEGER ? undefined : size);
}
