import { setMaxListeners } from 'node:events';
import { open } from 'node:fs/promises';
import { extname } from 'node:path';
import type { StoredBlob } from './container-connection.ts';
import { FileUploadError } from './errors.ts';
import { FileBody } from './file-body.ts';
import type { FileHasher } from './file-hasher.ts';
import type { FileOutcome } from './file-outcome.ts';
import { assertUnchanged, fileState, type FileState } from './file-state.ts';
import type { FileUpload, FileUploadContext, Sent } from './file-upload.ts';
import { putBlocks } from './put-blocks.ts';

const CONTENT_TYPES: Readonly<Record<string, string>> = { '.tar': 'application/x-tar', '.idx': 'text/plain' };

/**
 * Files of up to so many blocks are one Put Blob. Its MD5 is the only one that is needed, while blocks need one each besides that of the
 * whole, and hashing is most of the work (1.5 s of a core for each GB). What a broken connection costs is at most this much sent again.
 */
const WHOLE_BLOCKS = 8;

/**
 * Brings a file into its container, unless it is there. The service compares what it receives with the MD5 of each request, and what it
 * says that it stores is compared with the file at the end.
 *
 * @param stored the blob of this name, as it is now
 */
export async function uploadFile(
  path: string,
  blobName: string,
  stored: StoredBlob | undefined,
  context: FileUploadContext,
): Promise<FileOutcome> {
  const { connection, slots, hasher, onBytes } = context;
  const before = await fileState(path);
  const { size } = before;
  const isWhole = size <= WHOLE_BLOCKS * slots.blockBytes;
  const mayBeThere = stored?.md5 !== undefined && stored.size === size;
  const md5 = isWhole || mayBeThere ? await hashUnchanged(path, before, hasher) : undefined;
  if (mayBeThere && md5?.toString('base64') === stored.md5) {
    onBytes(size);
    return { size, md5: stored.md5, outcome: 'present', sentBytes: 0 };
  }
  await using file = await open(path);
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  // As many listeners as there are requests on their way: no leak.
  setMaxListeners(0, signal);
  const contentType = CONTENT_TYPES[extname(path)] ?? 'application/octet-stream';
  const upload = { ...context, blobName, path, file, before, contentType, signal, stop: (reason: unknown) => stop.abort(reason) };
  const sent = isWhole && md5 !== undefined ? await putWhole(upload, md5) : await putBlocks(upload);
  const now = await connection.stat(blobName, signal);
  if (now.size !== size || now.md5 !== sent.md5) {
    throw new FileUploadError(
      `the service has ${now.size} bytes with MD5 ${now.md5 ?? 'unknown'}, not ${size} with ${sent.md5}; another program may have written there`,
    );
  }
  await assertUnchanged(path, before);
  return { size, outcome: 'uploaded', ...sent };
}

/** The MD5 of a file that is as it was. */
async function hashUnchanged(path: string, before: FileState, hasher: FileHasher): Promise<Buffer> {
  const md5 = await hasher.hash(path);
  await assertUnchanged(path, before);
  return md5;
}

/** Sends a file in one request. */
async function putWhole(upload: FileUpload, md5: Buffer): Promise<Sent> {
  const { connection, slots, blobName, path, file, before, contentType, signal, stop, onBytes } = upload;
  const { size } = before;
  return slots.use(async (memory) => {
    const body = new FileBody(file, size, memory, stop);
    try {
      await connection.put(blobName, { size, md5, contentType, open: () => body.open() }, signal);
    } catch (error) {
      signal.throwIfAborted();
      // Bytes that do not have this MD5 are those of a file that has changed, rather than damaged on their way.
      await assertUnchanged(path, before);
      throw error;
    } finally {
      await body.close();
    }
    onBytes(size);
    return { md5: md5.toString('base64'), sentBytes: size };
  });
}
