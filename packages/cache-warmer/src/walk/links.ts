import { realpath } from 'node:fs/promises';
import { dirname, sep } from 'node:path';

/**
 * Decides which symbolic links a walk follows: those that lead out of the target to somewhere else in the same mount, each place once. What
 * lies inside the target is walked under its own name, what lies outside the mount is not the mount's, and a link to a folder that
 * holds the target would lead round in circles.
 */
export class Links {
  readonly #mount: string;
  readonly #root: string;
  /** As many as there are links out of the target. */
  readonly #followed = new Set<string>();

  private constructor(mount: string, root: string) {
    this.#mount = mount;
    this.#root = root;
  }

  static async of(mountPath: string, rootPath: string): Promise<Links> {
    return new Links(await realpath(mountPath), await realpath(rootPath));
  }

  /** @returns where the link leads; undefined when it is not to be followed, or leads nowhere. */
  async follow(path: string): Promise<string | undefined> {
    let real: string;
    try {
      real = await realpath(path);
    } catch {
      // Broken, circular, or through a folder that cannot be entered: nothing is there to be read by this name.
      return undefined;
    }
    if (isInside(real, this.#root) || isInside(this.#root, real) || !isInside(real, this.#mount)) return undefined;
    for (let at = real; at.length > this.#mount.length; at = dirname(at)) if (this.wasFollowed(at)) return undefined;
    this.#followed.add(real);
    return real;
  }

  /** Whether a link has led to exactly this place, so that it is not walked again as part of a folder that holds it. */
  wasFollowed(path: string): boolean {
    return this.#followed.has(path);
  }
}

function isInside(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}
