import { MountError } from '../errors.ts';
import { runCommand } from './command.ts';
import { findMount } from './mount-table.ts';

/** How long an unmount command may take. A lazy one never waits; a plain one may wait for the file system once. */
const UNMOUNT_TIMEOUT_MS = 1_000;

/** Whether this process may call mount(2) and umount(2) itself, or needs the setuid helper `fusermount3`. */
export function isPrivileged(): boolean {
  return process.geteuid?.() === 0;
}

/**
 * Removes a FUSE mount.
 *
 * @param options.lazy whether to take it out of the tree even while files are open; they stay open.
 * @throws {MountError} `UNMOUNT_FAILED`, for a busy mount too unless `lazy`. A place where nothing is mounted is no failure.
 */
export async function removeMount(mountPoint: string, options: { readonly lazy: boolean }): Promise<void> {
  // No canonicalization and no helper: both would look at the mount itself, which may hang.
  const [command, args] = isPrivileged()
    ? ['umount', ['-i', '-c', ...(options.lazy ? ['-l'] : []), '--', mountPoint]]
    : ['fusermount3', ['-u', ...(options.lazy ? ['-z'] : []), '--', mountPoint]];
  const result = await runCommand(command, args, { timeoutMs: UNMOUNT_TIMEOUT_MS });
  if (result.status === 0 || findMount(mountPoint) === undefined) return;
  throw new MountError(
    'UNMOUNT_FAILED',
    `${mountPoint} could not be unmounted: ${result.output}. Try: ${command} ${options.lazy ? '' : '-l '}${mountPoint}`,
  );
}
