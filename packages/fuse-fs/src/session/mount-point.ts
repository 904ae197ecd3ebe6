import { readdir } from 'node:fs/promises';
import { MountError } from '../errors.ts';
import { errorCode, runCommand } from './command.ts';
import { findMount, isFuse } from './mount-table.ts';
import { removeMount } from './unmount.ts';

/** How long a mounted file system may take to answer before it counts as alive but slow. */
const PROBE_TIMEOUT_MS = 2_000;

/**
 * Makes sure that a directory can be mounted on: it exists, is empty, and nothing is mounted there. A FUSE mount whose daemon has died
 * ("Transport endpoint is not connected") is removed first.
 *
 * @param mountPoint as `canonicalMountPoint` gives it.
 */
export async function prepareMountPoint(mountPoint: string, signal?: AbortSignal): Promise<void> {
  for (let mount = findMount(mountPoint); mount !== undefined; mount = findMount(mountPoint)) {
    if (!isFuse(mount) || !(await isStale(mountPoint, signal))) {
      throw new MountError(
        'MOUNT_POINT_BUSY',
        `${mountPoint} is in use: ${mount.source} (${mount.type}) is mounted there. Unmount it (umount ${mountPoint}) or choose another mount point.`,
      );
    }
    await removeMount(mountPoint, { lazy: true });
  }
  await checkDirectory(mountPoint);
}

/**
 * Whether the daemon behind a FUSE mount has died. A child process asks, because the question may hang and a thread of this process
 * that hangs in the kernel can't be got rid of.
 */
async function isStale(mountPoint: string, signal: AbortSignal | undefined): Promise<boolean> {
  const probe = await runCommand('stat', ['-f', '--', mountPoint], { signal, timeoutMs: PROBE_TIMEOUT_MS });
  return probe.output.includes('Transport endpoint is not connected') || probe.output.includes('Software caused connection abort');
}

async function checkDirectory(mountPoint: string): Promise<void> {
  let entries: string[];
  try {
    entries = await readdir(mountPoint);
  } catch (error) {
    switch (errorCode(error)) {
      case 'ENOENT':
        throw new MountError('MOUNT_POINT_MISSING', `the mount point ${mountPoint} does not exist. Create it: mkdir -p ${mountPoint}`, {
          cause: error,
        });
      case 'ENOTDIR':
        throw new MountError('MOUNT_POINT_NOT_DIRECTORY', `the mount point ${mountPoint} is not a directory. Choose an empty directory.`, {
          cause: error,
        });
      default:
        throw new MountError('MOUNT_NOT_PERMITTED', `the mount point ${mountPoint} can't be read (${errorCode(error)}).`, { cause: error });
    }
  }
  if (entries.length > 0) {
    throw new MountError(
      'MOUNT_POINT_NOT_EMPTY',
      `the mount point ${mountPoint} is not empty, and the mount would hide what is in it. Empty it or choose another directory.`,
    );
  }
}
