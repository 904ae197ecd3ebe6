import type { FileHandle } from 'node:fs/promises';
import type { BlockSlots } from './block-slots.ts';
import type { ContainerConnection } from './container-connection.ts';
import type { FileHasher } from './file-hasher.ts';
import type { FileOutcome } from './file-outcome.ts';
import type { FileState } from './file-state.ts';

/** What the upload of a file works with. */
export interface FileUploadContext {
  readonly connection: ContainerConnection;
  readonly slots: BlockSlots;
  readonly hasher: FileHasher;
  readonly signal: AbortSignal;
  /** Told of bytes that are in the service, now or since an earlier run. */
  readonly onBytes: (bytes: number) => void;
}

/** A file that is being uploaded. */
export interface FileUpload extends FileUploadContext {
  readonly blobName: string;
  readonly path: string;
  /** Open until the upload has ended. */
  readonly file: FileHandle;
  /** How the file was when it began. */
  readonly before: FileState;
  readonly contentType: string;
  /** Stops what is left to do for this file, with the reason; aborts {@link signal}. */
  readonly stop: (reason: unknown) => void;
}

/** What was sent: the MD5 of the file in base64, and bytes that were not there yet. */
export type Sent = Pick<FileOutcome, 'md5' | 'sentBytes'>;
