import type { FileSystem, InodeNumber } from '../file-system.ts';

/** What a transport needs to mount a file system; `mount` fills in the defaults. */
export interface TransportOptions {
  /** Canonical, checked and free. */
  readonly mountPoint: string;
  readonly fileSystem: FileSystem;
  readonly source: string;
  readonly allowOther: boolean;
  readonly readAheadBytes: number;
  readonly threads: number;
  readonly passthrough: boolean;
  readonly signal: AbortSignal | undefined;
}

/** Counters of a mount, all since it was made. */
export interface SessionStats {
  /** Requests that the main thread answered, by operation. */
  readonly operations: Readonly<Record<string, number>>;
  /** READs that reader threads answered from the cache without the main thread, and their bytes. */
  readonly threadReads: number;
  readonly threadReadBytes: number;
  /** Opens after which the kernel reads from the cache file by itself. */
  readonly passthroughOpens: number;
  /** Files that are open now. */
  readonly openFiles: number;
}

/** A mounted file system. Disposing it unmounts. */
export interface MountedSession extends AsyncDisposable {
  readonly mountPoint: string;
  /** Which way the requests come. */
  readonly transport: 'kernel' | 'fuse-native';
  /** Whether complete files can be handed to the kernel. */
  readonly passthrough: boolean;
  /**
   * Settles when the file system is no longer mounted, whoever unmounted it, and everything of it is closed. Rejects with a `MountError`
   * (`READER_FAILED`) if the session broke.
   */
  readonly closed: Promise<void>;
  /**
   * Unmounts, at the latest within 3 seconds. Open files of readers fail from then on, except those that the kernel reads by itself.
   * Further calls wait for the first.
   */
  unmount(): Promise<void>;
  /**
   * Makes the kernel forget what a name in a directory stands for, or that there is none, before its time is over; for a directory, all
   * that it knows below it. Resolves when the kernel has done so. A request of the file system must not wait for this: the kernel may
   * wait for that request first.
   *
   * @returns false if the kernel knew nothing.
   */
  invalidateName(parent: InodeNumber, name: string): Promise<boolean>;
  /** The same for the attributes and the kept content of an inode, a file's or a directory's. */
  invalidateInode(inode: InodeNumber): Promise<boolean>;
  stats(): SessionStats;
}
