/** Longest file name that Linux allows, in bytes. */
export const MAX_NAME_BYTES = 255;
/** Hidden names that are remembered by name; a container full of impossible names must not fill the memory. */
const MAX_REMEMBERED = 1_000;

/** Whether a part of a blob's name can be the name of a file or directory. */
export function isPossibleName(name: string): boolean {
  if (name === '' || name === '.' || name === '..') return false;
  if (name.includes('\0') || !name.isWellFormed()) return false;
  // A UTF-16 unit takes at most 3 bytes of UTF-8, so short names need no counting.
  return name.length * 3 <= MAX_NAME_BYTES || Buffer.byteLength(name) <= MAX_NAME_BYTES;
}

/** Blobs that no path leads to: their names are impossible, or a directory has the same name. */
export class HiddenNames {
  readonly #names = new Set<string>();

  add(backend: string, path: string): void {
    if (this.#names.size < MAX_REMEMBERED) this.#names.add(`${backend}:${path}`);
  }

  /** The names as `backend:path`, in the order in which they were met; at most 1,000. */
  list(): readonly string[] {
    return [...this.#names];
  }
}
