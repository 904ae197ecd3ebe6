import type { BlobBackend } from '@warpforge/blob-backend';
import { isPossibleName } from './hidden-names.ts';

/** A container and where it appears in the tree. */
export interface BlobMount {
  /** Absolute path inside the file system, such as `/datasets` or `/a/b`; `/` puts the container at the root. */
  readonly path: string;
  readonly backend: BlobBackend;
}

/** Where the blobs of a directory come from. */
export interface BlobSource {
  readonly backend: BlobBackend;
  /** What the names of all blobs in the directory begin with: `''`, or a path that ends in `/`. */
  readonly prefix: string;
}

/** A directory that exists by configuration: a mount path, or a directory on the way to one. */
export interface FixedDirectory {
  /** Undefined above all mount paths. */
  readonly source: BlobSource | undefined;
  readonly children: ReadonlyMap<string, FixedDirectory>;
}

/** Name at the root that is kept for the file system's own use. */
export const RESERVED_NAME = '.warpdrive';

interface Building {
  backend: BlobBackend | undefined;
  readonly children: Map<string, Building>;
}

/**
 * Builds the fixed directories of a file system. A mount path may lie below another one; it then hides blobs of the outer container that
 * have the same name.
 *
 * @returns the root.
 * @throws {TypeError} for a path that is not absolute, has an impossible or reserved part, or occurs twice.
 */
export function buildNamespace(mounts: readonly BlobMount[]): FixedDirectory {
  const root: Building = { backend: undefined, children: new Map() };
  for (const { path, backend } of mounts) {
    let place = root;
    for (const part of partsOf(path)) {
      let next = place.children.get(part);
      if (next === undefined) {
        next = { backend: undefined, children: new Map() };
        place.children.set(part, next);
      }
      place = next;
    }
    if (place.backend !== undefined) throw new TypeError(`mount path ${path}: ${place.backend.name} and ${backend.name} both want it`);
    place.backend = backend;
  }
  return fix(root, undefined);
}

function partsOf(path: string): string[] {
  if (!path.startsWith('/')) throw new TypeError(`mount path ${JSON.stringify(path)}: it must begin with "/"`);
  const parts = path.split('/').slice(1);
  if (parts.at(-1) === '') parts.pop();
  for (const part of parts) {
    if (!isPossibleName(part)) throw new TypeError(`mount path ${path}: ${JSON.stringify(part)} can't be the name of a directory`);
  }
  if (parts[0] === RESERVED_NAME) throw new TypeError(`mount path ${path}: the name ${RESERVED_NAME} is reserved`);
  return parts;
}

function fix(place: Building, inherited: BlobSource | undefined): FixedDirectory {
  const source = place.backend === undefined ? inherited : { backend: place.backend, prefix: '' };
  const below = (name: string): BlobSource | undefined =>
    source === undefined ? undefined : { backend: source.backend, prefix: `${source.prefix}${name}/` };
  return { source, children: new Map([...place.children].map(([name, child]) => [name, fix(child, below(name))])) };
}
