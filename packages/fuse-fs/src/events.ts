import { channel } from 'node:diagnostics_channel';
import type { Operation } from './protocol/constants.ts';

/** One request of the kernel that the main thread answered. Reads that a reader thread answers by itself are only counted. */
export interface OperationEvent {
  readonly operation: Operation | 'unknown';
  readonly durationMs: number;
  /** Name of the error that was answered (`ENOENT`); absent for success. */
  readonly errno?: string;
}

/** A file whose reads the kernel now serves by itself. */
export interface PassthroughOpenEvent {
  /** Length of the file. */
  readonly bytes: number;
}

/** Something that isn't the caller's fault and that no caller sees as an exception. */
export interface FaultEvent {
  readonly kind:
    /** The file system threw something other than a `FileSystemError`; the reader got EIO. */
    | 'file-system'
    /** The kernel's request or the reply to it broke the protocol; the reader got EIO. */
    | 'protocol'
    /** The kernel refused a backing file; from now on all reads go through the daemon. */
    | 'passthrough'
    /** The mount's read-ahead could not be set; the kernel's default stays. */
    | 'read-ahead'
    /** Closing an open file failed. */
    | 'release';
  readonly error: Error;
}

/** A request to a backend that failed a reader or a listing. */
export interface ReadErrorEvent {
  readonly backend: string;
  readonly path: string;
  readonly error: Error;
  /** What the reader's system call returned; absent if an older answer was served instead (`stale_if_error`). */
  readonly errno?: string;
}

export const operationChannel = channel('warpforge:fuse-fs:operation');
export const passthroughOpenChannel = channel('warpforge:fuse-fs:passthrough-open');
export const faultChannel = channel('warpforge:fuse-fs:fault');
export const readErrorChannel = channel('warpforge:fuse-fs:read-error');

/** Publishes a fault. */
export function publishFault(kind: FaultEvent['kind'], error: unknown): void {
  if (!faultChannel.hasSubscribers) return;
  const event: FaultEvent = { kind, error: error instanceof Error ? error : new Error(String(error)) };
  faultChannel.publish(event);
}
