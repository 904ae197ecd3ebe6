import { stat } from 'node:fs/promises';
import { MountError } from '../errors.ts';
import type { Mount } from './mounter.ts';
import { unlessAborted } from './unless-aborted.ts';

/**
 * A directory that is there already. It is neither mounted nor unmounted. Where its server does not answer this waits, until an abort.
 * @throws {MountError}
 */
export async function useDirectory(path: string, signal: AbortSignal): Promise<Mount> {
  let isDirectory: boolean;
  try {
    isDirectory = (await unlessAborted(stat(path), signal)).isDirectory();
  } catch (cause) {
    signal.throwIfAborted();
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new MountError(`the directory ${path} cannot be used: ${reason}; mount it on this machine, or correct the address of the job`, {
      cause,
    });
  }
  if (!isDirectory) throw new MountError(`${path} is not a directory; the address of the job must name one`);
  return { path, [Symbol.asyncDispose]: () => Promise.resolve() };
}
