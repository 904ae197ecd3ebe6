/** One line of the kernel's list of mounts. */
export interface MountEntry {
  readonly mountPoint: string;
  /** File system type, such as `nfs` or `fuse.warpdrive`. */
  readonly type: string;
  /** Such as `10.0.1.11:/animation`. */
  readonly source: string;
}

/** Where the kernel lists the mounts of this process. It asks no file system for that, so reading it never waits. */
export const MOUNT_TABLE = '/proc/self/mountinfo';

/** What is mounted at a place, the topmost if several are. @param table text in the format of {@link MOUNT_TABLE}, see proc_pid_mountinfo(5). */
export function findMount(table: string, mountPoint: string): MountEntry | undefined {
  return parse(table).findLast((entry) => entry.mountPoint === mountPoint);
}

function parse(table: string): MountEntry[] {
  return table.split('\n').flatMap((line) => {
    const fields = line.split(' ');
    // Optional fields end with a dash.
    const dash = fields.indexOf('-', 6);
    const [mountPoint, type, source] = [fields[4], fields[dash + 1], fields[dash + 2]];
    if (dash < 0 || mountPoint === undefined || type === undefined || source === undefined) return [];
    return [{ mountPoint: unescape(mountPoint), type, source: unescape(source) }];
  });
}

/** Blanks and backslashes are three octal digits. */
function unescape(field: string): string {
  return field.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
