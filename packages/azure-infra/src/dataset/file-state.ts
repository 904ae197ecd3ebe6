import { stat } from 'node:fs/promises';
import { FileUploadError } from './errors.ts';

/** What tells whether a file was written to or replaced. */
export interface FileState {
  readonly size: number;
  readonly identity: string;
}

/** The state of the file that a path leads to now. */
export async function fileState(path: string): Promise<FileState> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  return { size: Number(size), identity: [dev, ino, size, mtimeNs, ctimeNs].join(' ') };
}

/** @throws {FileUploadError} when the file is not what it was. */
export async function assertUnchanged(path: string, before: FileState): Promise<void> {
  if ((await fileState(path)).identity !== before.identity) throw changed();
}

/** The file changed while it was uploaded. */
export function changed(): FileUploadError {
  return new FileUploadError('the file changed while it was uploaded; upload it again when it is complete');
}
