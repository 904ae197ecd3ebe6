import type { FileSystem } from '../file-system.ts';

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
  stats(): SessionStats;
}
