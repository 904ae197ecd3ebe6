import { mkdir, mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Guard } from './guard.ts';

/** The one folder that a run writes to. Disposing removes it, unless it is to be kept. */
export class WorkFolder implements AsyncDisposable {
  readonly path: string;
  readonly #guard: Guard | undefined;

  private constructor(path: string, guard: Guard | undefined) {
    this.path = path;
    this.#guard = guard;
  }

  /** Makes a new folder under the system's folder for temporary files, which the guard removes if nobody else does. */
  static async create(options: { readonly keep: boolean; readonly guard: Guard }): Promise<WorkFolder> {
    // Without links, as the table of mounts shows paths.
    const path = await realpath(await mkdtemp(join(tmpdir(), 'warpforge-demo-')));
    if (options.keep) return new WorkFolder(path, undefined);
    options.guard.add({ folder: path });
    return new WorkFolder(path, options.guard);
  }

  /** A path inside. */
  file(...parts: readonly string[]): string {
    return join(this.path, ...parts);
  }

  /** A folder inside, made if it is missing. */
  async folder(...parts: readonly string[]): Promise<string> {
    const path = this.file(...parts);
    await mkdir(path, { recursive: true });
    return path;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#guard === undefined) return;
    await removeFolder(this.path);
    this.#guard.remove({ folder: this.path });
  }
}

/** Removes a folder, but never walks into something that is mounted inside it. */
export async function removeFolder(path: string): Promise<void> {
  const mounted = await mountsBelow(path);
  if (mounted.length > 0) throw new Error(`${path} was not removed: ${mounted.join(', ')} is still mounted`);
  await rm(path, { recursive: true, force: true, maxRetries: 3 });
}

/** Mount points at or below a path; none where the system has no table of mounts to read. */
export async function mountsBelow(path: string): Promise<string[]> {
  if (process.platform !== 'linux') return [];
  const table = await readFile('/proc/self/mounts', 'utf8');
  return table
    .split('\n')
    .map((line) => unescapeMount(line.split(' ')[1] ?? ''))
    .filter((mountPoint) => mountPoint === path || mountPoint.startsWith(`${path}/`));
}

/** The table writes spaces, tabs, line breaks and backslashes as three octal digits. */
function unescapeMount(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
