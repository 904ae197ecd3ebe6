import { constants } from 'node:fs';
import { open, realpath, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';

/** Where a mount takes the order in which its files will be read, below its root. */
const PLAN_FILE = '.warpdrive/plan';

/** A mount that takes plans, and the roots that lie in it. */
interface PlanFile {
  readonly mount: string;
  /** Real paths by the paths as given. */
  readonly roots: ReadonlyMap<string, string>;
}

/**
 * Tells the mounts below which the data lies in which order their files will be read, so that they can fetch ahead: one path a line,
 * relative to the root of the mount. A folder that holds `.warpdrive/plan` is the root of such a mount.
 */
export class PlanFiles {
  readonly #files: readonly PlanFile[];

  private constructor(files: readonly PlanFile[]) {
    this.#files = files;
  }

  /** Looks for a plan above each of the roots. There may be none. */
  static async find(roots: readonly string[]): Promise<PlanFiles> {
    const found = new Map<string, Map<string, string>>();
    for (const root of roots) {
      const real = await realpath(root);
      const mount = await mountAbove(real);
      if (mount === undefined) continue;
      const known = found.get(mount) ?? new Map<string, string>();
      found.set(mount, known.set(root, real));
    }
    return new PlanFiles([...found].map(([mount, known]) => ({ mount, roots: known })));
  }

  /**
   * Writes the order of `shards`, each of which lies below one of the roots, to the plans of their mounts.
   *
   * @returns what could not be written, as errors: a plan is only advice, so nothing else suffers
   */
  async write(shards: readonly string[]): Promise<Error[]> {
    const failures: Error[] = [];
    for (const { mount, roots } of this.#files) {
      const path = join(mount, PLAN_FILE);
      try {
        // Neither created, where a mount does not offer it, nor read, which its permissions forbid.
        await using file = await open(path, constants.O_WRONLY | constants.O_TRUNC);
        await file.writeFile(shards.flatMap((shard) => linesOf(shard, mount, roots)).join(''));
      } catch (cause) {
        const reason = cause instanceof Error ? cause.message : String(cause);
        failures.push(new Error(`the order of reading could not be written to "${path}": ${reason}`, { cause }));
      }
    }
    return failures;
  }
}

/** The line of a shard, or none if it is not of this mount, or its name has a line break, which no line can hold. */
function linesOf(shard: string, mount: string, roots: ReadonlyMap<string, string>): string[] {
  for (const [root, real] of roots) {
    const below = relative(root, shard);
    if (below.startsWith('..')) continue;
    const path = relative(mount, join(real, below));
    return path.includes('\n') ? [] : [`${path}\n`];
  }
  return [];
}

async function mountAbove(path: string): Promise<string | undefined> {
  for (let folder = path; ; folder = dirname(folder)) {
    // What can't be looked at can't be written either.
    const plan = await stat(join(folder, PLAN_FILE)).catch(() => undefined);
    if (plan?.isFile() === true) return folder;
    if (folder === dirname(folder)) return undefined;
  }
}
