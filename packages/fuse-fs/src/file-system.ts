/**
 * What a file system has to implement to be mounted, free of the kernel's protocol.
 *
 * The kernel knows files and directories by inode number. It learns a number from a lookup (or from a listing that carries attributes)
 * and may use it until it has given back every reference that it got this way; only then may the file system drop what it knows about
 * the inode. The kernel keeps names and attributes for as long as each answer says, and pages of file data until told otherwise.
 *
 * This interface is for reading: whatever would change the tree is refused before it gets here (EROFS).
 */
import type { ThreadView } from '@warpforge/block-cache';

/** Identifies a file or directory while the kernel holds a reference to it: an integer from 1 to 2^53 - 1. */
export type InodeNumber = number;

/** What stat(2) shows. For one inode number these never change in a way that the kernel is not told about. */
export interface Attributes {
  readonly inode: InodeNumber;
  readonly kind: 'file' | 'directory';
  /** Permission bits, 0 to 0o777. */
  readonly permissions: number;
  /** Length in bytes; 0 for a directory. */
  readonly size: number;
  /** Time of the last change, in milliseconds since the epoch; shown as all three times. */
  readonly modifiedMs: number;
  readonly uid: number;
  readonly gid: number;
}

/** A name that exists. Handing one out gives the kernel one reference to its inode. */
export interface Entry {
  readonly attributes: Attributes;
  /** How long the kernel may take the name for this inode without asking, in milliseconds. */
  readonly validMs: number;
}

/** A name that does not exist, and for how long the kernel may believe that, in milliseconds. */
export interface MissingEntry {
  readonly attributes?: undefined;
  readonly validMs: number;
}

/** One line of a directory listing. */
export interface DirectoryEntry {
  readonly name: string;
  readonly kind: 'file' | 'directory';
  readonly inode: InodeNumber;
  /** Takes a reference to the inode for the kernel, as a lookup of the name would. */
  entry(): Entry;
}

/** The circumstances of one request. */
export interface RequestContext {
  /** Aborted when the waiting process was interrupted: the answer is no longer wanted. */
  readonly signal: AbortSignal;
}

/** Sizes for statfs(2), which `df` shows. */
export interface FileSystemStatistics {
  /** Unit of the counts, in bytes. */
  readonly blockSize: number;
  readonly blocks: number;
  readonly freeBlocks: number;
  readonly files: number;
  readonly freeFiles: number;
  /** Longest name, in bytes. */
  readonly nameLength: number;
}

/** An open file. It shows one version of the content as long as it is open. */
export interface OpenFile extends AsyncDisposable {
  /** Length in bytes. */
  readonly size: number;
  /** Whether pages that the kernel kept from earlier handles of this inode are still right. */
  readonly keepCache: boolean;
  /**
   * Whether every read comes here as it was asked for, with no pages kept and nothing read ahead: for content that is made up while it is
   * read, or whose reads are counted. Default: false.
   */
  readonly directIo?: boolean;
  /**
   * Reads a range in full: fewer bytes than asked mean the end of the file and nothing else.
   *
   * @param offset first byte, counted from 0.
   * @param length number of bytes.
   */
  read(offset: number, length: number, context: RequestContext): Promise<Uint8Array>;
  /**
   * A file descriptor with exactly this content, from which the kernel may serve all reads of this inode without asking again
   * (FUSE passthrough); undefined where there is none at present. Valid until the file is disposed.
   */
  passthroughFd?(): Promise<number | undefined>;
  /** What a reader thread needs to serve verified parts of the file by itself; undefined where it can't. */
  threadView?(): ThreadView | undefined;
}

/** An open directory. */
export interface OpenDirectory extends AsyncDisposable {
  /** Whether the kernel may keep the listing that it reads through this handle for later ones. */
  readonly cacheable: boolean;
  /** Whether the listing that the kernel kept from an earlier handle is still right. */
  readonly keepCache: boolean;
  /**
   * The entries from a position on, without `.` and `..`: at least one, or none at the end of the directory. Their number is the file
   * system's choice: what is at hand, rather than all.
   *
   * @param position number of entries before the first one wanted.
   */
  read(position: number, context: RequestContext): Promise<readonly DirectoryEntry[]>;
}

/** A result that may be there at once. */
export type Awaitable<Result> = Result | Promise<Result>;

/**
 * A file system that can be mounted. Methods throw or reject with a {@link FileSystemError}; anything else that is thrown becomes EIO and is
 * reported as a fault of the file system. They run concurrently, for one inode too.
 */
export interface FileSystem {
  /** Inode of the root directory is 1 and needs no lookup. */
  lookup(parent: InodeNumber, name: string, context: RequestContext): Awaitable<Entry | MissingEntry>;
  /** Gives back references to an inode: `count` of those that `lookup` and {@link DirectoryEntry.entry} handed out. */
  forget(inode: InodeNumber, count: number): void;
  /** Attributes of an inode, and for how long they hold. Takes no reference. */
  attributes(inode: InodeNumber, context: RequestContext): Awaitable<Entry>;
  openFile(inode: InodeNumber, context: RequestContext): Awaitable<OpenFile>;
  openDirectory(inode: InodeNumber, context: RequestContext): Awaitable<OpenDirectory>;
  statistics(): Awaitable<FileSystemStatistics>;
}

/** The answers other than success that a file system for reading needs, by their POSIX names. */
export type FileSystemErrorCode = 'ENOENT' | 'EACCES' | 'EIO' | 'EISDIR' | 'ENOTDIR' | 'ESTALE' | 'EROFS' | 'EINVAL' | 'ENAMETOOLONG';

/** A failed operation of a file system; the reader's system call returns `code`, and `cause` tells why. */
export class FileSystemError extends Error {
  override readonly name = 'FileSystemError';
  readonly code: FileSystemErrorCode;

  constructor(code: FileSystemErrorCode, message: string, options?: ErrorOptions) {
    super(`${code}: ${message}`, options);
    this.code = code;
  }
}
