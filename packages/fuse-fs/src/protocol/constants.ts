/**
 * Numbers of the FUSE kernel protocol, version 7.45, as the kernel's `include/uapi/linux/fuse.h` defines them. They are written out
 * here because the header of an older distribution lacks the newer ones, and only those are listed that this package sends or reads.
 *
 * All integers on the wire are little endian on every machine that Node.js supports.
 */

/** Protocol major version; a kernel that speaks another one is asked to come back with this. */
export const FUSE_MAJOR = 7;
/** Newest minor version whose layouts this codec knows. */
export const FUSE_MINOR = 45;
/** Oldest minor version that is accepted: 7.31 came with Linux 5.4, and its layouts are those of 7.45 for all that is used here. */
export const FUSE_OLDEST_MINOR = 31;

/** Inode number of the root directory. */
export const ROOT_INODE = 1;

export const IN_HEADER_SIZE = 40;
export const OUT_HEADER_SIZE = 16;
/** Smallest buffer that the kernel accepts for reading a request. */
export const MIN_READ_BUFFER = 8192;
/** The kernel counts transfer sizes in pages of this many bytes on x86-64 and on nearly all arm64 systems. */
export const PAGE_SIZE = 4096;
/** In the `unique` of an INTERRUPT this bit marks the interrupt; the rest is the request that it means. */
export const INTERRUPT_BIT = 1n;

/** Every operation of the protocol by its name, in the spelling that events and metrics use. */
export const Opcode = {
  lookup: 1,
  forget: 2,
  getattr: 3,
  setattr: 4,
  readlink: 5,
  symlink: 6,
  mknod: 8,
  mkdir: 9,
  unlink: 10,
  rmdir: 11,
  rename: 12,
  link: 13,
  open: 14,
  read: 15,
  write: 16,
  statfs: 17,
  release: 18,
  fsync: 20,
  setxattr: 21,
  getxattr: 22,
  listxattr: 23,
  removexattr: 24,
  flush: 25,
  init: 26,
  opendir: 27,
  readdir: 28,
  releasedir: 29,
  fsyncdir: 30,
  getlk: 31,
  setlk: 32,
  setlkw: 33,
  access: 34,
  create: 35,
  interrupt: 36,
  bmap: 37,
  destroy: 38,
  ioctl: 39,
  poll: 40,
  notify_reply: 41,
  batch_forget: 42,
  fallocate: 43,
  readdirplus: 44,
  rename2: 45,
  lseek: 46,
  copy_file_range: 47,
  setupmapping: 48,
  removemapping: 49,
  syncfs: 50,
  tmpfile: 51,
  statx: 52,
  copy_file_range_64: 53,
} as const;

/** Name of an operation of the protocol. */
export type Operation = keyof typeof Opcode;

/** Capabilities that INIT negotiates; bits 32 and up travel in a second word (`flags2`). */
export const InitFlag = {
  /** Several reads of one file may be in flight: kernel read-ahead. */
  asyncRead: 1n << 0n,
  /** Requests may carry more than one page of data. */
  bigWrites: 1n << 5n,
  readdirPlus: 1n << 13n,
  /** The kernel chooses READDIRPLUS only where lookups follow. */
  readdirPlusAuto: 1n << 14n,
  asyncDirectIo: 1n << 15n,
  /** LOOKUP and READDIR of one directory may run in parallel. */
  parallelDirectoryOperations: 1n << 18n,
  /** Reads after an abort fail with ECONNABORTED, which tells an abort from an unmount (ENODEV). */
  abortError: 1n << 21n,
  /** `max_pages` of the reply counts: requests of up to 1 MiB. */
  maxPages: 1n << 22n,
  /** Cached pages go only when the file system says so, never because an attribute changed. */
  explicitInvalidation: 1n << 25n,
  /** `flags2` of the reply counts. */
  initExtension: 1n << 30n,
  passthrough: 1n << 37n,
} as const;

/** Answers to OPEN and OPENDIR that steer the kernel's caches. */
export const OpenFlag = {
  /** Every read comes to the file system as it was asked, and the kernel keeps nothing. */
  directIo: 1 << 0,
  keepCache: 1 << 1,
  cacheDirectory: 1 << 3,
  /** No FLUSH at every close: nothing is written here. */
  noFlush: 1 << 5,
  passthrough: 1 << 7,
} as const;

/** Kinds of messages from the file system to the kernel. */
export const Notification = {
  invalidateInode: 2,
  invalidateEntry: 3,
} as const;

/** `d_type` values of directory entries (`DT_*`). */
export const EntryType = { directory: 4, file: 8 } as const;

/** File type bits of `st_mode` (`S_IF*`). */
export const ModeType = { directory: 0o040000, file: 0o100000 } as const;

/** Requests of the device file itself; the type byte is 229. */
export const DeviceIoctl = {
  /** Registers a backing file: `struct fuse_backing_map { i32 fd; u32 flags; u64 padding }`, returns its id. */
  backingOpen: 0x4010e501,
  /** Closes a backing id (`u32`). */
  backingClose: 0x4004e502,
} as const;
