import { hash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import pLimit from 'p-limit';
import { FileUploadError } from './errors.ts';
import type { RunningHash } from './file-hasher.ts';
import { assertUnchanged, changed } from './file-state.ts';
import type { FileUpload, Sent } from './file-upload.ts';

/** https://learn.microsoft.com/azure/storage/blobs/scalability-targets */
const MAX_BLOCKS = 50_000;

interface SentBlock {
  readonly id: string;
  readonly sentBytes: number;
}

/**
 * Sends a file in blocks whose ids name their place and MD5, so that what an interrupted run has sent is recognised and not sent again.
 * Put Block List makes them visible, all at once. The MD5 of the whole is made of the very bytes that are sent.
 */
export async function putBlocks(upload: FileUpload): Promise<Sent> {
  const { connection, hasher, slots, blobName, path, before, contentType, signal, stop } = upload;
  const { blockBytes } = slots;
  const { size } = before;
  const count = Math.ceil(size / blockBytes);
  if (count > MAX_BLOCKS) {
    throw new FileUploadError(`the file has ${size} bytes; in blocks of ${blockBytes} a blob can have ${MAX_BLOCKS * blockBytes}`);
  }
  const staged = await connection.stagedBlocks(blobName, signal);
  const whole = hasher.begin();
  const inOrder = pLimit(1);
  const blocks = Array.from({ length: count }, (_, index) => putBlock(upload, index, staged, whole, inOrder));
  try {
    const sent = await Promise.all(blocks);
    const md5 = await whole.digest();
    // Blocks are read at different times: they belong together if nothing was written since the beginning.
    await assertUnchanged(path, before);
    const ids = sent.map(({ id }) => id);
    await connection.commit(blobName, ids, md5, contentType, signal);
    return { md5: md5.toString('base64'), sentBytes: sent.reduce((sum, { sentBytes }) => sum + sentBytes, 0) };
  } catch (error) {
    stop(error);
    // They read from the file, which is closed next.
    await Promise.allSettled(blocks);
    throw error;
  }
}

async function putBlock(
  { connection, slots, blobName, file, before, signal, onBytes }: FileUpload,
  index: number,
  staged: ReadonlyMap<string, number>,
  whole: RunningHash,
  inOrder: ReturnType<typeof pLimit>,
): Promise<SentBlock> {
  return slots.use(async (memory) => {
    const offset = index * slots.blockBytes;
    const length = Math.min(slots.blockBytes, before.size - offset);
    // Slots are given out in order, and the thread hashes in the order in which it is asked.
    const { bytes, hashed } = await inOrder(async () => {
      signal.throwIfAborted();
      const read = await readBlock(file, memory, offset, length);
      return { bytes: read, hashed: whole.update(read) };
    });
    const send = async (): Promise<SentBlock> => {
      const md5 = hash('md5', bytes, 'buffer');
      const id = blockId(index, md5);
      const isThere = staged.get(id) === length;
      if (!isThere) await connection.stage(blobName, id, bytes, md5, signal);
      return { id, sentBytes: isThere ? 0 : length };
    };
    // The memory is free when both are done with it.
    const [sent] = await Promise.all([send(), hashed]);
    onBytes(length);
    return sent;
  });
}

async function readBlock(file: FileHandle, memory: Buffer, offset: number, length: number): Promise<Buffer> {
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(memory, filled, length - filled, offset + filled);
    if (bytesRead === 0) throw changed();
    filled += bytesRead;
  }
  return memory.subarray(0, length);
}

/** All ids of a blob must have one length: 4 bytes of place and 16 of MD5. */
function blockId(index: number, md5: Buffer): string {
  const place = Buffer.alloc(4);
  place.writeUInt32BE(index);
  return Buffer.concat([place, md5]).toString('base64');
}
