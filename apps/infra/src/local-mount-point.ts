import { mkdir, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf, CommandError } from './failure.ts';

/**
 * Makes the folder to mount at where it is missing; disposing removes what was made, unless something is in it by then.
 *
 * @throws {CommandError} where this user may not make it.
 */
export async function openMountPoint(path: string): Promise<AsyncDisposable> {
  let first: string | undefined;
  try {
    first = await mkdir(path, { recursive: true });
  } catch (cause) {
    if (['EACCES', 'EPERM', 'EROFS'].includes(codeOf(cause) ?? '')) {
      const advice = `name another folder with --mount-point, or make it: sudo install -d -o "$USER" ${path}`;
      throw new CommandError('NOT_DONE', `cannot make the mount point ${path} (${codeOf(cause) ?? ''}): ${advice}`, { cause });
    }
    // A mount whose daemon has died, for instance; the daemon knows what to do.
  }
  return {
    async [Symbol.asyncDispose]() {
      if (first === undefined) return;
      for (let folder = path; ; folder = dirname(folder)) {
        try {
          await rmdir(folder);
        } catch {
          // It is not empty, or still mounted, which whoever mounts there has told.
          return;
        }
        if (folder === first) return;
      }
    },
  };
}
