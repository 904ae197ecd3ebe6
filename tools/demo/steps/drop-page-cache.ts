import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/**
 * Writes the files of a folder out and drops them from the page cache, so that the next reader gets them from the disk. Touches these
 * files only, and needs no rights beyond writing them.
 *
 * @returns whether that was possible; it is not where `dd` is another than that of GNU coreutils.
 */
export async function dropPageCache(folder: string, signal: AbortSignal): Promise<boolean> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  try {
    for (const file of files) {
      // https://www.gnu.org/software/coreutils/manual/html_node/dd-invocation.html, "nocache"
      await promisify(execFile)('dd', [`of=${file}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0'], { signal });
    }
    return true;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Error) return false;
    throw error;
  }
}
