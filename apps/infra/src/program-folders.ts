import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Where npm puts links to the programs of packages. */
const LINKS = join('node_modules', '.bin');

/**
 * Folders with `warpdrive` and `warpforge-train` of the same clone or installation as this program, and with the Node that it runs on; to be
 * searched before the PATH. Without such a folder the PATH has to have them.
 */
export function programFolders(from: string = import.meta.dirname): string[] {
  const node = dirname(process.execPath);
  for (let folder = from; ; folder = dirname(folder)) {
    if (existsSync(join(folder, LINKS, 'warpdrive'))) return [join(folder, LINKS), node];
    if (folder === dirname(folder)) return [node];
  }
}
