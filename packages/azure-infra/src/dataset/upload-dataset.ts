import { setMaxListeners } from 'node:events';
import { stat } from 'node:fs/promises';
import pLimit from 'p-limit';
import { BlockSlots } from './block-slots.ts';
import { ContainerConnection, type ConnectionOptions, type StoredBlob } from './container-connection.ts';
import type { ContainerTarget, DatasetFile } from './container-target.ts';
import { DatasetUploadError, type UploadedFile, type UploadFailure } from './errors.ts';
import { failureReason } from './failure-reason.ts';
import { FileHasher } from './file-hasher.ts';
import { byTarget, commonPrefix } from './targets.ts';
import type { FileUploadContext } from './file-upload.ts';
import { uploadFile } from './upload-file.ts';

/** How far an upload is. */
export interface UploadProgress {
  /** Files that are there, or have failed. */
  readonly filesDone: number;
  readonly files: number;
  /** Bytes that are in the service, those of an earlier run too. */
  readonly bytesDone: number;
  readonly bytes: number;
}

/** How to upload. */
export interface UploadOptions extends ConnectionOptions {
  /** Blocks, or files of less than a block, that are on their way at a time; so much memory is used. Default 8. */
  readonly parallel?: number | undefined;
  /** Bytes of a block, at least 1 MiB. Default 8 MiB, which is enough for files of 390 GiB. */
  readonly blockBytes?: number | undefined;
  readonly onProgress?: ((progress: UploadProgress) => void) | undefined;
}

/** Enough for a few hundred MB/s to one region, at a round trip of 50 ms and 50 MB/s a connection. */
const DEFAULT_PARALLEL = 8;

/** Large enough that a request's own cost does not show, small enough that a lost one is soon sent again. */
const DEFAULT_BLOCK_BYTES = 8 * 1024 * 1024;

/**
 * Brings files into containers, and checks that what is stored is what is here. Nothing half-written is ever visible. A blob with the
 * same length and MD5 stays as it is, so running it again goes on where it was stopped.
 *
 * @returns one entry for each file, in the order of `files`
 * @throws {DatasetUploadError} `INFRA_UPLOAD_FAILED` with all failures, when every file was tried
 * @throws the signal's reason, when it is aborted
 */
export async function uploadDataset(files: readonly DatasetFile[], options: UploadOptions): Promise<readonly UploadedFile[]> {
  const { signal, parallel = DEFAULT_PARALLEL } = options;
  signal.throwIfAborted();
  // One of our own, which may have as many listeners as there are requests on their way.
  const stop = AbortSignal.any([signal]);
  setMaxListeners(0, stop);
  const progress = new ProgressCounter(files.length, await totalBytes(files), options.onProgress);
  await using hasher = new FileHasher();
  const groups = byTarget(files);
  // Each container gets the same part, so that the links to all regions are in use all the time.
  const share = Math.max(1, Math.ceil(parallel / groups.size));
  const uploads = [...groups].map(
    ([target, own]) => new ContainerUpload(target, own, { ...options, signal: stop }, hasher, progress, share),
  );
  await Promise.all(uploads.map((upload) => upload.run()));
  signal.throwIfAborted();
  const failures = uploads.flatMap((upload) => upload.failures);
  const uploaded = files.flatMap((file) => uploads.flatMap((upload) => upload.done.get(file) ?? []));
  if (failures.length > 0) throw new DatasetUploadError(failures, uploaded);
  return uploaded;
}

/** The files of one container. */
class ContainerUpload {
  readonly done = new Map<DatasetFile, UploadedFile>();
  readonly failures: UploadFailure[] = [];
  readonly #target: ContainerTarget;
  readonly #files: readonly DatasetFile[];
  readonly #options: UploadOptions;
  readonly #hasher: FileHasher;
  readonly #progress: ProgressCounter;
  readonly #parallel: number;
  readonly #slots: BlockSlots;

  constructor(
    target: ContainerTarget,
    files: readonly DatasetFile[],
    options: UploadOptions,
    hasher: FileHasher,
    progress: ProgressCounter,
    parallel: number,
  ) {
    this.#target = target;
    this.#files = files;
    this.#options = options;
    this.#hasher = hasher;
    this.#progress = progress;
    this.#parallel = parallel;
    this.#slots = new BlockSlots(parallel, options.blockBytes ?? DEFAULT_BLOCK_BYTES);
  }

  /** Tries every file; never rejects. */
  async run(): Promise<void> {
    let connection: ContainerConnection;
    let stored: ReadonlyMap<string, StoredBlob>;
    try {
      connection = await ContainerConnection.open(this.#target, this.#options);
      stored = await connection.list(commonPrefix(this.#files.map(({ blobName }) => blobName)));
    } catch (error) {
      // Whatever keeps the container from being listed keeps every file from being written.
      for (const file of this.#files) this.#fail(file, error);
      return;
    }
    const context: FileUploadContext = {
      connection,
      slots: this.#slots,
      hasher: this.#hasher,
      signal: this.#options.signal,
      onBytes: (bytes) => this.#progress.bytes(bytes),
    };
    const atOnce = pLimit(this.#parallel);
    await Promise.all(this.#files.map((file) => atOnce(() => this.#upload(file, stored.get(file.blobName), context))));
  }

  async #upload(file: DatasetFile, stored: StoredBlob | undefined, context: FileUploadContext): Promise<void> {
    if (context.signal.aborted) return;
    try {
      const outcome = await uploadFile(file.path, file.blobName, stored, context);
      this.done.set(file, { target: this.#target, blob: file.blobName, ...outcome });
      this.#progress.fileDone();
    } catch (error) {
      this.#fail(file, error);
    }
  }

  #fail(file: DatasetFile, error: unknown): void {
    this.failures.push({ target: this.#target, blob: file.blobName, reason: failureReason(error) });
    this.#progress.fileDone();
  }
}

/** Files that cannot be looked at count nothing here; their upload fails and says why. */
async function totalBytes(files: readonly DatasetFile[]): Promise<number> {
  const sizes = await Promise.all(
    files.map(({ path }) =>
      stat(path).then(
        ({ size }) => size,
        () => 0,
      ),
    ),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

class ProgressCounter {
  readonly #files: number;
  readonly #bytes: number;
  readonly #tell: UploadOptions['onProgress'];
  #filesDone = 0;
  #bytesDone = 0;

  constructor(files: number, bytes: number, tell: UploadOptions['onProgress']) {
    this.#files = files;
    this.#bytes = bytes;
    this.#tell = tell;
  }

  bytes(count: number): void {
    this.#bytesDone += count;
    this.#report();
  }

  fileDone(): void {
    this.#filesDone += 1;
    this.#report();
  }

  #report(): void {
    this.#tell?.({ filesDone: this.#filesDone, files: this.#files, bytesDone: this.#bytesDone, bytes: this.#bytes });
  }
}
