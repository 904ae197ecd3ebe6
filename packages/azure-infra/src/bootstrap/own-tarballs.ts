import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { BootstrapError } from './errors.ts';

/** Tarballs in a folder, by absolute path. */
export interface OwnTarballs {
  /** Of this product's packages, by their names. */
  readonly byName: ReadonlyMap<string, string>;
  /** Of Node, where it is there. */
  readonly node: string | undefined;
}

/** What `npm pack` calls the tarball of `@warpforge/NAME`. */
const OWN = /^warpforge-(.+?)-(\d+\.\d+\.\d+.*)\.tgz$/;

/** Reads which of this product's packages a folder has, and whether it has Node. @throws {BootstrapError} `BOOTSTRAP_PACKAGES`. */
export async function ownTarballs(folder: string, nodeTarball: string): Promise<OwnTarballs> {
  const names = await readdir(folder).catch((cause: unknown) => {
    throw new BootstrapError('BOOTSTRAP_PACKAGES', `cannot read the folder of packages ${folder}`, { cause });
  });
  const byName = new Map<string, string>();
  for (const file of names) {
    const [, short] = OWN.exec(file) ?? [];
    if (short === undefined) continue;
    const name = `@warpforge/${short}`;
    const other = byName.get(name);
    if (other !== undefined) {
      throw new BootstrapError('BOOTSTRAP_PACKAGES', `${folder} has ${name} twice (${other}, ${join(folder, file)}): leave one of them`);
    }
    byName.set(name, resolve(folder, file));
  }
  if (!byName.has('@warpforge/infra')) {
    throw new BootstrapError(
      'BOOTSTRAP_PACKAGES',
      `there is no warpforge-infra-….tgz in ${folder}: make the packages in the repository with "npm run build && npm pack -w packages -w apps --pack-destination FOLDER"`,
    );
  }
  return { byName, node: names.includes(nodeTarball) ? resolve(folder, nodeTarball) : undefined };
}
