import {
  FileSystemError,
  mount,
  MountError,
  type Entry,
  type FileSystem,
  type FileSystemStatistics,
  type MissingEntry,
} from '@warpforge/fuse-fs';

/** What mounts are like on this machine, or why there are none. */
export type MountProbe =
  { readonly ok: true; readonly transport: string; readonly passthrough: boolean } | { readonly ok: false; readonly reason: string };

/** A file system with a root directory and nothing in it. */
const EMPTY: FileSystem = {
  lookup: (): Promise<MissingEntry> => Promise.resolve({ validMs: 0 }),
  forget: () => undefined,
  attributes: (inode): Promise<Entry> =>
    Promise.resolve({ attributes: { inode, kind: 'directory', permissions: 0o555, size: 0, modifiedMs: 0, uid: 0, gid: 0 }, validMs: 0 }),
  openFile: () => Promise.reject(new FileSystemError('ENOENT', 'nothing is in here')),
  openDirectory: () =>
    Promise.resolve({
      cacheable: false,
      keepCache: false,
      read: () => Promise.resolve([]),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
  statistics: (): Promise<FileSystemStatistics> =>
    Promise.resolve({ blockSize: 4096, blocks: 0, freeBlocks: 0, files: 1, freeFiles: 0, nameLength: 255 }),
};

/**
 * Mounts an empty file system for a moment: whether the device exists, may be opened and may be mounted is only known for certain once
 * it has been done. Any failure means that no mount is to be had here.
 */
export async function probeMount(mountPoint: string, signal: AbortSignal): Promise<MountProbe> {
  try {
    await using session = await mount({ mountPoint, fileSystem: EMPTY, signal });
    const { transport, passthrough } = session;
    return { ok: true, transport, passthrough };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof MountError) return { ok: false, reason: error.message };
    throw error;
  }
}
