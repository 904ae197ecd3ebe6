import { closeSync, openSync } from 'node:fs';
import { MountError } from '../errors.ts';
import { isLibc, loadLibc } from '../libc.ts';
import { errorCode, runCommand, type CommandResult } from './command.ts';
import { isPrivileged, removeMount } from './unmount.ts';

/** The device through which the kernel and a file system talk. */
export const DEVICE = '/dev/fuse';
/** Descriptor numbers of the commands below: the first one behind standard input, output and error. */
const FIRST_EXTRA_DESCRIPTOR = 3;

/** What `fusermount3` adds to every mount and does not take as options. */
const SET_BY_FUSERMOUNT: ReadonlySet<string> = new Set(['nosuid', 'nodev']);

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
    await removeMount(mountPoint, { lazy: true });
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
    ...mountOptions(options).filter((option) => !SET_BY_FUSERMOUNT.has(option)),
    `fsname=${options.source}`,
    `subtype=${options.source}`,
  ];
  const mounting = runCommand('fusermount3', ['-o', data.join(','), '--', mountPoint], {
    extraDescriptors: [forChild],
    environment: { _FUSE_COMMFD: String(FIRST_EXTRA_DESCRIPTOR) },
    signal: options.signal,
  }).finally(() => closeSync(forChild));
  const [mounted, received] = await Promise.allSettled([mounting, libc.receiveDescriptor(mine)]);
  closeSync(mine);
  const device = received.status === 'fulfilled' ? received.value : undefined;
  if (mounted.status === 'fulfilled' && mounted.value.status === 0 && device !== undefined) return device;
  if (device !== undefined) {
    closeSync(device);
    await removeMount(mountPoint, { lazy: true });
  }
  if (mounted.status === 'rejected') throw mounted.reason;
  const { output } = mounted.value;
  throw refused(mountPoint, output.includes('ENOENT') ? 'fusermount3 is not installed (apt-get install fuse3)' : output);
}
