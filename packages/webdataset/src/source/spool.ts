import { randomUUID } from 'node:crypto';
import { close, openSync, unlinkSync, write } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { reasonOf, WebDatasetError } from '../errors.ts';
import { FileBytes } from './file-bytes.ts';

const writeTo = promisify(write);
const closeDescriptor = promisify(close);

/**
 * Copies a stream to a temporary file (in `TMPDIR`, or the system's folder for such) and opens that at random. The file has no name, so
 * that nothing is left behind however the process ends, and it lives as long as it is open.
 *
 * @throws {@link WebDatasetError} `WDS_SPOOL` when the file cannot be written; what the stream throws
 */
export async function spool(name: string, stream: AsyncIterable<Buffer>): Promise<FileBytes> {
  const folder = tmpdir();
  const fd = openNameless(name, folder);
  let size = 0;
  try {
    for await (const piece of stream) {
      for (let written = 0; written < piece.length;) {
        const { bytesWritten } = await writeTo(fd, piece, written, piece.length - written, size).catch((error: unknown) => {
          throw spoolFault(name, folder, error);
        });
        written += bytesWritten;
        size += bytesWritten;
      }
    }
    return FileBytes.spooled(name, fd, size);
  } catch (error) {
    await closeDescriptor(fd);
    throw error;
  }
}

function openNameless(name: string, folder: string): number {
  const path = join(folder, `webdataset-${randomUUID()}.spool`);
  try {
    const fd = openSync(path, 'wx+', 0o600);
    unlinkSync(path);
    return fd;
  } catch (error) {
    throw spoolFault(name, folder, error);
  }
}

function spoolFault(name: string, folder: string, error: unknown): WebDatasetError {
  return new WebDatasetError(
    'WDS_SPOOL',
    `the shard must be uncompressed into a temporary file, and "${folder}" refuses it: ${reasonOf(error)}; set TMPDIR to a folder with room`,
    { shard: name, cause: error },
  );
}
