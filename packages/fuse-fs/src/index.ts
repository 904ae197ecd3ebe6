export { BlobFileSystem, type BlobFileSystemOptions } from './blob-fs/blob-file-system.ts';
export type { BlobMount } from './blob-fs/namespace.ts';
export { MountError, type MountErrorCode } from './errors.ts';
export type { FaultEvent, OperationEvent, PassthroughOpenEvent, ReadErrorEvent } from './events.ts';
export {
  FileSystemError,
  type Attributes,
  type Awaitable,
  type DirectoryEntry,
  type Entry,
  type FileSystem,
  type FileSystemErrorCode,
  type FileSystemStatistics,
  type InodeNumber,
  type MissingEntry,
  type OpenDirectory,
  type OpenFile,
  type RequestContext,
} from './file-system.ts';
export { fuseAvailability, mount, mountAt, unmountPath, type MountOptions } from './mount.ts';
export type { MountEntry } from './session/mount-table.ts';
export type { MountedSession, SessionStats } from './transports/transport.ts';
