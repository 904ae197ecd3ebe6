import { mkdir, mkdtemp, readFile, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Guard } from './guard.ts';

/** The one folder that a run writes to. Disposing unmounts what is mounted inside, and removes it unless it is to be kept. */
export class WorkFolder implements AsyncDisposable {
  readonly path: string;
  readonly #keep: boolean;
  readonly #guard: Guard;

  private constructor(path: string, options: { readonly keep: boolean; readonly guard: Guard }) {
    this.path = path;
    this.#keep = options.keep;
    this.#guard = options.guard;
  }

  /** Makes a new folder under the system's folder for temporary files. The guard disposes of it if nobody else does. */
  static async create(options: { readonly keep: boolean; readonly guard: Guard }): Promise<WorkFolder> {
    // Without links, as the table of mounts shows paths.
    const path = await realpath(await mkdtemp(join(tmpdir(), 'warpforge-demo-')));
    options.guard.add({ folder: path, keep: options.keep });
    return new WorkFolder(path, options);
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
    await clearFolder(this.path, { keep: this.#keep });
    this.#guard.remove({ folder: this.path, keep: this.#keep });
  }
}

/**
 * Unmounts everything that is mounted inside a folder, as a daemon leaves it that was killed, and removes the folder unless it is to be
 * kept. Never walks into something that is mounted.
 */
export async function clearFolder(path: string, options: { readonly keep: boolean }): Promise<void> {
  for (const mountPoint of await mountsBelow(path)) {
    const { unmountPath } = await import('@warpforge/fuse-fs');
    await unmountPath(mountPoint);
  }
  const mounted = await mountsBelow(path);
  if (mounted.length > 0) throw new Error(`${mounted.join(', ')} could not be unmounted; unmount it, and remove ${path}`);
  if (!options.keep) await rm(path, { recursive: true, force: true, maxRetries: 3 });
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
