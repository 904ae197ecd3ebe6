import { readFileSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';

/** One line of the kernel's list of mounts. */
export interface MountEntry {
  readonly mountPoint: string;
  /** `major:minor` of the mounted file system, also its name below `/sys/class/bdi`. */
  readonly device: string;
  /** File system type, with a subtype behind a dot. */
  readonly type: string;
  readonly source: string;
}

/**
 * Parses `/proc/self/mountinfo`, whose format proc_pid_mountinfo(5) defines: fixed fields, optional ones up to a `-`, then type and
 * source, with blanks and backslashes as three octal digits.
 */
export function parseMountInfo(text: string): MountEntry[] {
  return text.split('\n').flatMap((line) => {
    const fields = line.split(' ');
    const separator = fields.indexOf('-', 6);
    const [device, mountPoint] = [fields[2], fields[4]];
    const [type, source] = [fields[separator + 1], fields[separator + 2]];
    if (separator < 0 || device === undefined || mountPoint === undefined || type === undefined || source === undefined) return [];
    return [{ device, mountPoint: unescape(mountPoint), type, source: unescape(source) }];
  });
}

function unescape(field: string): string {
  return field.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/**
 * What is mounted at a place, the topmost if several are; undefined if nothing is. The place itself is not touched, and the kernel makes
 * the list up without asking any file system, so that this never waits.
 */
export function findMount(mountPoint: string): MountEntry | undefined {
  const entries = parseMountInfo(readFileSync('/proc/self/mountinfo', 'utf8'));
  return entries.findLast((entry) => entry.mountPoint === mountPoint);
}

/** Whether a mount is one of FUSE. */
export function isFuse(entry: MountEntry): boolean {
  return entry.type === 'fuse' || entry.type.startsWith('fuse.') || entry.type === 'fuseblk';
}

/** The absolute path of a mount point with symbolic links above it resolved. Its last part is not looked at, as that may hang. */
export async function canonicalMountPoint(path: string): Promise<string> {
  const absolute = resolve(path);
  const parent = dirname(absolute);
  if (parent === absolute) return absolute;
  return join(await realpath(parent).catch(() => parent), basename(absolute));
}
