/**
 * Why a mount could not be made or removed.
 *
 * - `MOUNT_POINT_MISSING`: there is no such directory.
 * - `MOUNT_POINT_NOT_DIRECTORY`: it is something else.
 * - `MOUNT_POINT_NOT_EMPTY`: the mount would hide files.
 * - `MOUNT_POINT_BUSY`: something is mounted there that works.
 * - `FUSE_UNAVAILABLE`: no `/dev/fuse`, or it may not be opened.
 * - `MOUNT_NOT_PERMITTED`: the kernel or `fusermount3` refused.
 * - `MOUNT_FAILED`: the mount command failed for another reason.
 * - `FUSE_VERSION`: the kernel is too old.
 * - `UNMOUNT_FAILED`: the mount could not be removed.
 * - `READER_FAILED`: a thread that reads requests broke; the mount was removed.
 * - `TRANSPORT_UNAVAILABLE`: the transport asked for is not installed or doesn't run here.
 */
export type MountErrorCode =
  | 'MOUNT_POINT_MISSING'
  | 'MOUNT_POINT_NOT_DIRECTORY'
  | 'MOUNT_POINT_NOT_EMPTY'
  | 'MOUNT_POINT_BUSY'
  | 'FUSE_UNAVAILABLE'
  | 'MOUNT_NOT_PERMITTED'
  | 'MOUNT_FAILED'
  | 'FUSE_VERSION'
  | 'UNMOUNT_FAILED'
  | 'READER_FAILED'
  | 'TRANSPORT_UNAVAILABLE';

/** A mount that could not be made or removed. The message says what to do. */
export class MountError extends Error {
  override readonly name = 'MountError';
  readonly code: MountErrorCode;

  constructor(code: MountErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
