import { constants } from 'node:fs';
import { access, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { TrainerError } from '../errors.ts';

/** Replaces the file `path` by `bytes` in one step: whoever reads it, also after a crash or a power loss, finds the old or the new content, whole. */
export async function writeFileAtomically(path: string, bytes: Uint8Array): Promise<void> {
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    await using file = await open(temporary, 'w');
    await file.writeFile(bytes);
    await file.sync();
    await rename(temporary, path);
    // The new name is on the disk when its folder is.
    await using folder = await open(dirname(path));
    await folder.sync();
  } catch (cause) {
    await rm(temporary, { force: true });
    throw notWritten(path, cause);
  }
}

/** Fails now, not after hours of training, if `path` can't be written. */
export async function checkWritable(path: string): Promise<void> {
  try {
    await access(dirname(path), constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw notWritten(path, cause);
  }
}

function notWritten(path: string, cause: unknown): TrainerError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new TrainerError('FILE_NOT_WRITTEN', `cannot write "${path}": ${reason}`, { cause });
}
