import { MountError } from '../errors.ts';

/** Attributes as fuse-native takes them. Times are milliseconds. */
export interface NativeStats {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly nlink: number;
  readonly blocks: number;
  readonly atime: number;
  readonly mtime: number;
  readonly ctime: number;
}

/** Callback of an operation: 0 or a negative error number, and the result of success. */
export type NativeDone<Result = void> = (status: number, result?: Result) => void;

/** The operations of libfuse's high-level interface that a file system for reading answers. */
export interface NativeOperations {
  getattr(path: string, done: NativeDone<NativeStats>): void;
  fgetattr(path: string, handle: number, done: NativeDone<NativeStats>): void;
  readdir(path: string, done: NativeDone<readonly string[]>): void;
  open(path: string, flags: number, done: NativeDone<number>): void;
  /** Success is told by the number of bytes in place of the 0. */
  read(path: string, handle: number, target: Buffer, length: number, offset: number, done: NativeDone): void;
  release(path: string, handle: number, done: NativeDone): void;
  statfs(path: string, done: NativeDone<Record<string, number>>): void;
}

/** A mount of fuse-native. */
export interface NativeMount {
  mount(done: (error: Error | null) => void): void;
  unmount(done: (error: Error | null) => void): void;
}

/** The class that fuse-native exports. */
export type NativeFuse = new (mountPoint: string, operations: NativeOperations, options: Readonly<Record<string, unknown>>) => NativeMount;

/** Name of the module, in a variable because it has no types and need not be installed. */
const MODULE = 'fuse-native' as string;

/**
 * Loads the optional module.
 *
 * @throws {MountError} `TRANSPORT_UNAVAILABLE`
 */
export async function loadFuseNative(): Promise<NativeFuse> {
  try {
    const loaded = (await import(MODULE)) as { readonly default: NativeFuse };
    return loaded.default;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const hint = reason.includes('libfuse.so.2') ? 'apt-get install libfuse2' : 'npm install fuse-native';
    throw new MountError('TRANSPORT_UNAVAILABLE', `the transport fuse-native can't be loaded (${reason}). Try: ${hint}`, { cause: error });
  }
}
