import { BlobError } from '@warpforge/blob-backend';
import { readErrorChannel, type ReadErrorEvent } from '../events.ts';
import { FileSystemError, type FileSystemErrorCode } from '../file-system.ts';

/**
 * What a reader's system call returns for a failed request: ENOENT only where the store has said that there is no such blob, EACCES where
 * it refused, ESTALE where the version is not the current one, EIO for all else.
 */
function errnoOf(error: BlobError): FileSystemErrorCode {
  switch (error.code) {
    case 'BLOB_NOT_FOUND':
    case 'BLOB_CONTAINER_NOT_FOUND':
      return 'ENOENT';
    case 'BLOB_ACCESS_DENIED':
      return 'EACCES';
    case 'BLOB_CHANGED':
      return 'ESTALE';
    default:
      return 'EIO';
  }
}

/** Whether an error says something about the blob or the permission. After all others an older answer may stand in. */
export function isAnswer(error: unknown): boolean {
  return error instanceof BlobError && errnoOf(error) !== 'EIO';
}

/** Whether the store has said that there is no such container. */
export function isContainerMissing(error: unknown): boolean {
  return error instanceof BlobError && error.code === 'BLOB_CONTAINER_NOT_FOUND';
}

/** Whether the store has said that there is no such blob. */
export function isNotFound(error: unknown): boolean {
  return error instanceof BlobError && error.code === 'BLOB_NOT_FOUND';
}

/**
 * Turns the error of a request into one that the reader gets, and reports it. Errors that are not a backend's pass through.
 *
 * @param errno what the reader gets, where that is not what the error says by itself.
 */
export function failed(error: unknown, path: string, errno?: FileSystemErrorCode): unknown {
  if (!(error instanceof BlobError)) return error;
  const code = errno ?? errnoOf(error);
  publishReadError({ backend: error.backend, path, error, errno: code });
  return new FileSystemError(code, `${path}: ${error.message}`, { cause: error });
}

/** Reports that an older answer was served because of an error. */
export function servedStale(error: unknown, backend: string, path: string): void {
  publishReadError({ backend, path, error: error instanceof Error ? error : new Error(String(error)) });
}

function publishReadError(event: ReadErrorEvent): void {
  if (readErrorChannel.hasSubscribers) readErrorChannel.publish(event);
}
