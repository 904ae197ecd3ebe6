import { hash } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { open, type FileHandle } from 'node:fs/promises';
import { extname } from 'node:path';
import type { BlockSlots } from './block-slots.ts';
import type { ContainerConnection, StoredBlob } from './container-connection.ts';
import { FileUploadError } from './errors.ts';
import { FileBody } from './file-body.ts';
import type { FileHasher } from './file-hasher.ts';
import type { FileOutcome } from './file-outcome.ts';
import { assertUnchanged, changed, fileState, type FileState } from './file-state.ts';

/** What the upload of a file works with. */
export interface FileUploadContext {
  readonly connection: ContainerConnection;
  readonly slots: BlockSlots;
  readonly hasher: FileHasher;
  readonly signal: AbortSignal;
  /** Told of bytes that are in the service, now or since an earlier run. */
  readonly onBytes: (bytes: number) => void;
}

/** https://learn.microsoft.com/azure/storage/blobs/scalability-targets */
const MAX_BLOCKS = 50_000;

const CONTENT_TYPES: Readonly<Record<string, string>> = { '.tar': 'application/x-tar', '.idx': 'text/plain' };

/**
 * Files of up to so many blocks are one Put Blob. Its MD5 is the only one that is needed, while blocks need one each besides that of the
 * whole, and hashing is most of the work (1.5 s of a core for each GB). What a broken connection costs is at most this much sent again.
 */
const WHOLE_BLOCKS = 8;

/**
 * Brings a file into its container, unless it is there.
 *
 * A larger file than {@link WHOLE_BLOCKS} is sent as blocks whose ids name their place and MD5, so that what an interrupted run has sent
 * is recognised and not sent again; Put Block List makes them visible, all at once. The service compares what it receives with the MD5 of
 * each request, and what it says that it stores is compared with the file at the end.
 *
 * @param stored the blob of this name, as it is now
 */
export async function uploadFile(
  path: string,
  blobName: string,
  stored: StoredBlob | undefined,
  context: FileUploadContext,
): Promise<FileOutcome> {
  const { connection, slots, hasher, signal, onBytes } = context;
  const before = await fileState(path);
  const { size } = before;
  const isWhole = size <= WHOLE_BLOCKS * slots.blockBytes;
  const mayBeThere = stored?.md5 !== undefined && stored.size === size;
  // Blocks are sent while the file is hashed.
  const hashed = isWhole || mayBeThere ? await hashUnchanged(path, before, hasher) : undefined;
  if (mayBeThere && hashed?.toString('base64') === stored.md5) {
    onBytes(size);
    return { size, md5: stored.md5, outcome: 'present', sentBytes: 0 };
  }
  await using file = await open(path);
  const upload = new Upload(path, blobName, file, before, context);
  const sent = isWhole && hashed !== undefined ? await upload.putWhole(hashed) : await upload.putBlocks();
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
  const { md5 } = await hasher.hash(path);
  await assertUnchanged(path, before);
  return md5;
}

type Sent = Pick<FileOutcome, 'md5' | 'sentBytes'>;

/** One file on its way. */
class Upload {
  readonly #path: string;
  readonly #blobName: string;
  readonly #file: FileHandle;
  readonly #before: FileState;
  readonly #contentType: string;
  readonly #context: FileUploadContext;
  /** Stops what is left to do for this file. */
  readonly #stop = new AbortController();
  readonly #signal: AbortSignal;

  constructor(path: string, blobName: string, file: FileHandle, before: FileState, context: FileUploadContext) {
    this.#path = path;
    this.#blobName = blobName;
    this.#file = file;
    this.#before = before;
    this.#contentType = CONTENT_TYPES[extname(path)] ?? 'application/octet-stream';
    this.#context = context;
    this.#signal = AbortSignal.any([context.signal, this.#stop.signal]);
    // As many listeners as there are requests on their way: no leak.
    setMaxListeners(0, this.#signal);
  }

  async putWhole(md5: Buffer): Promise<Sent> {
    const { connection, slots, onBytes } = this.#context;
    const { size } = this.#before;
    return slots.use(async (memory) => {
      const body = new FileBody(this.#file, size, memory, (reason) => this.#stop.abort(reason));
      try {
        await connection.put(this.#blobName, { size, md5, contentType: this.#contentType, open: () => body.open() }, this.#signal);
      } catch (error) {
        this.#signal.throwIfAborted();
        // Bytes that do not have this MD5 are those of a file that has changed, rather than damaged on their way.
        await assertUnchanged(this.#path, this.#before);
        throw error;
      } finally {
        await body.close();
      }
      onBytes(size);
      return { md5: md5.toString('base64'), sentBytes: size };
    });
  }

  async putBlocks(): Promise<Sent> {
    const { connection, hasher } = this.#context;
    const { blockBytes } = this.#context.slots;
    const { size } = this.#before;
    const count = Math.ceil(size / blockBytes);
    if (count > MAX_BLOCKS)
      throw new FileUploadError(`the file has ${size} bytes; in blocks of ${blockBytes} a blob can have ${MAX_BLOCKS * blockBytes}`);
    const staged = await connection.stagedBlocks(this.#blobName, this.#signal);
    const blocks = Array.from({ length: count }, (_, index) => this.#putBlock(index, staged));
    try {
      const [whole, sent] = await Promise.all([hasher.hash(this.#path), Promise.all(blocks)]);
      // The hash and the blocks come from different reads: they belong together if nothing was written since the beginning.
      await assertUnchanged(this.#path, this.#before);
      const ids = sent.map(({ id }) => id);
      await connection.commit(this.#blobName, ids, whole.md5, this.#contentType, this.#signal);
      return { md5: whole.md5.toString('base64'), sentBytes: sent.reduce((sum, { sentBytes }) => sum + sentBytes, 0) };
    } catch (error) {
      this.#stop.abort(error);
      // They read from the file, which is closed next.
      await Promise.allSettled(blocks);
      throw error;
    }
  }

  #putBlock(index: number, staged: ReadonlyMap<string, number>): Promise<{ id: string; sentBytes: number }> {
    const { connection, slots, onBytes } = this.#context;
    return slots.use(async (memory) => {
      this.#signal.throwIfAborted();
      const offset = index * slots.blockBytes;
      const length = Math.min(slots.blockBytes, this.#before.size - offset);
      const bytes = await this.#read(memory, offset, length);
      const md5 = hash('md5', bytes, 'buffer');
      const id = blockId(index, md5);
      const isThere = staged.get(id) === length;
      if (!isThere) await connection.stage(this.#blobName, id, bytes, md5, this.#signal);
      onBytes(length);
      return { id, sentBytes: isThere ? 0 : length };
    });
  }

  async #read(memory: Buffer, offset: number, length: number): Promise<Buffer> {
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await this.#file.read(memory, filled, length - filled, offset + filled);
      if (bytesRead === 0) throw changed();
      filled += bytesRead;
    }
    return memory.subarray(0, length);
  }
}

/** All ids of a blob must have one length: 4 bytes of place and 16 of MD5. */
function blockId(index: number, md5: Buffer): string {
  const place = Buffer.alloc(4);
  place.writeUInt32BE(index);
  return Buffer.concat([place, md5]).toString('base64');
}
