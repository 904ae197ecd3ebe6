import { closeSync, openSync } from 'node:fs';
import { MountError } from '../errors.ts';
import { isLibc, loadLibc } from '../libc.ts';
import { errorCode, runCommand, type CommandResult } from './command.ts';
import { isPrivileged } from './unmount.ts';

/** The device through which the kernel and a file system talk. */
export const DEVICE = '/dev/fuse';
/** Descriptor numbers of the commands below: the first one behind standard input, output and error. */
const FIRST_EXTRA_DESCRIPTOR = 3;

/** How a mount appears to the system. */
export interface AttachOptions {
  /** First column of `df`, and the subtype: the mount is of type `fuse.<source>`. */
  readonly source: string;
  /** Whether users other than the one who mounts may look in. */
  readonly allowOther: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens `/dev/fuse` and mounts it, as root by mount(8), else by the setuid helper `fusermount3`.
 *
 * @returns the open device, on which the kernel's first request waits. It closes itself in child processes.
 */
export async function attach(mountPoint: string, options: AttachOptions): Promise<number> {
  return isPrivileged() ? mountAsRoot(mountPoint, options) : mountAsUser(mountPoint, options);
}

/** The kernel checks permission bits by itself (`default_permissions`), and nothing here is a device or a set-uid program. */
function mountOptions(options: AttachOptions): string[] {
  return ['default_permissions', 'nosuid', 'nodev', 'noatime', ...(options.allowOther ? ['allow_other'] : [])];
}

async function mountAsRoot(mountPoint: string, options: AttachOptions): Promise<number> {
  const device = openDevice();
  const type = `fuse.${options.source}`;
  const data = [`fd=${FIRST_EXTRA_DESCRIPTOR}`, 'rootmode=40000', 'user_id=0', 'group_id=0', ...mountOptions(options)].join(',');
  let result: CommandResult;
  try {
    // -i: no mount.fuse helper, which would want a program to start. -c: the mount point is canonical, nothing needs to look at it.
    result = await runCommand('mount', ['-i', '-c', '-t', type, '-o', data, '--', options.source, mountPoint], {
      extraDescriptors: [device],
      signal: options.signal,
    });
  } catch (error) {
    closeSync(device);
    throw error;
  }
  if (result.status === 0) return device;
  closeSync(device);
  throw refused(mountPoint, result.output);
}

function openDevice(): number {
  try {
    return openSync(DEVICE, 'r+');
  } catch (error) {
    throw new MountError('FUSE_UNAVAILABLE', unavailable(errorCode(error)), { cause: error });
  }
}

/** Why the device can't be opened, and what to do. */
export function unavailable(code: string): string {
  switch (code) {
    case 'ENOENT':
      return `${DEVICE} does not exist: load the kernel module (modprobe fuse), or start the container with --device ${DEVICE}.`;
    case 'EACCES':
    case 'EPERM':
      return `${DEVICE} may not be opened (${code}): run as root, or start the container with --device ${DEVICE} --cap-add SYS_ADMIN.`;
    default:
      return `${DEVICE} can't be opened (${code}).`;
  }
}

function refused(mountPoint: string, output: string): MountError {
  if (/permission denied|must be superuser|operation not permitted|only root/i.test(output)) {
    return new MountError(
      'MOUNT_NOT_PERMITTED',
      `mounting on ${mountPoint} is not permitted: ${output}. Run as root; in a container, add --cap-add SYS_ADMIN.`,
    );
  }
  return new MountError('MOUNT_FAILED', `mounting on ${mountPoint} failed: ${output}`);
}

/** `fusermount3` opens the device, mounts, and sends the descriptor back over a socket whose number it finds in its environment. */
async function mountAsUser(mountPoint: string, options: AttachOptions): Promise<number> {
  const libc = await loadLibc();
  if (!isLibc(libc)) {
    throw new MountError('MOUNT_NOT_PERMITTED', `mounting as an ordinary user needs a native module (${libc.reason}). Run as root.`);
  }
  const [mine, forChild] = libc.socketPair();
  const data = [
    ...mountOptions(options).filter((option) => option !== 'nosuid' && option !== 'nodev'),
    `fsname=${options.source}`,
    `subtype=${options.source}`,
  ];
  try {
    const mounting = runCommand('fusermount3', ['-o', data.join(','), '--', mountPoint], {
      extraDescriptors: [forChild],
      environment: { _FUSE_COMMFD: String(FIRST_EXTRA_DESCRIPTOR) },
      signal: options.signal,
    }).finally(() => closeSync(forChild));
    const [result, device] = await Promise.all([mounting, libc.receiveDescriptor(mine)]);
    if (result.status === 0 && device !== undefined) return device;
    if (device !== undefined) closeSync(device);
    throw refused(mountPoint, result.output.includes('ENOENT') ? 'fusermount3 is not installed (apt-get install fuse3)' : result.output);
  } finally {
    closeSync(mine);
  }
}
