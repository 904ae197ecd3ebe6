// eslint-disable-next-line @nx/enforce-module-boundaries -- only tests of the worker mount something, and only this file does it
import { fuseAvailability, mount, FileSystemError, type Attributes, type Entry, type FileSystem } from '@warpforge/fuse-fs';

/** Why nothing can be mounted here, if so. */
export const whyNot = ((available) => (available.ok ? undefined : available.reason))(fuseAvailability());

/** What a reader is told where a disk is broken. */
export function brokenDisk(): Error {
  return new FileSystemError('EIO', 'broken');
}

const DIRECTORY = 1;
const FILE = 2;
const MODIFIED_MS = Date.UTC(2026, 0, 1);
const UNCACHED = { keepCache: false, directIo: true } as const;

/** How reads of the file end. */
export type ReadFile = (offset: number, length: number) => Promise<Uint8Array>;

/**
 * Mounts a file system with one file, `data/a`, whose reads end as `read` says.
 *
 * @param hang awaited when the name `hangs` is looked up, before the answer that there is none.
 */
export function mountFaulty(
  mountPoint: string,
  size: number,
  read: ReadFile,
  hang: () => Promise<void> = () => Promise.resolve(),
): Promise<{ unmount(): Promise<void> }> {
  const attributes = (inode: number): Attributes => ({
    inode,
    kind: inode === FILE ? 'file' : 'directory',
    permissions: inode === FILE ? 0o444 : 0o555,
    size: inode === FILE ? size : 0,
    modifiedMs: MODIFIED_MS,
    uid: 0,
    gid: 0,
  });
  const entry = (inode: number): Entry => ({ attributes: attributes(inode), validMs: 0 });
  const names = new Map([
    [DIRECTORY, ['data', 3]],
    [3, ['a', FILE]],
  ] as const);
  const fileSystem: FileSystem = {
    lookup: async (parent, name) => {
      if (name === 'hangs') await hang();
      const [child, inode] = names.get(parent as 1 | 3) ?? ['', 0];
      return child === name ? entry(inode) : { validMs: 0 };
    },
    forget: () => undefined,
    attributes: entry,
    openFile: () => ({ size, ...UNCACHED, read, [Symbol.asyncDispose]: () => Promise.resolve() }),
    openDirectory: () => {
      throw new FileSystemError('EIO', 'this directory is not listed');
    },
    statistics: () => ({ blockSize: 4096, blocks: 0, freeBlocks: 0, files: 0, freeFiles: 0, nameLength: 255 }),
  };
  return mount({ mountPoint, fileSystem, source: 'faulty', passthrough: 'off' });
}
