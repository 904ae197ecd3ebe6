import { readFile, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Type that the kernel's list of mounts shows for mounts of this program. */
const OWN_TYPE = 'fuse.warpdrive';

/** What is mounted at a place: a mount of this program, alive or left behind by a dead one; something else; or nothing. */
export async function findMount(mountPoint: string): Promise<'own' | 'foreign' | 'nothing'> {
  const path = await canonical(mountPoint);
  // proc_pid_mountinfo(5): the mount point is the fifth field, the type is the first after a lone dash.
  const lines = (await readFile('/proc/self/mountinfo', 'utf8')).split('\n');
  const line = lines.findLast((candidate) => unescape(candidate.split(' ')[4] ?? '') === path);
  if (line === undefined) return 'nothing';
  return line.split(' - ')[1]?.split(' ')[0] === OWN_TYPE ? 'own' : 'foreign';
}

/** Blanks and backslashes are written as three octal digits. */
function unescape(field: string): string {
  return field.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** Resolves links above the mount point. The mount point itself is not looked at, because a dead or hanging mount would answer. */
async function canonical(path: string): Promise<string> {
  try {
    return join(await realpath(dirname(path)), basename(path));
  } catch {
    // A parent that is not there has nothing mounted below it, under this name or another.
    return path;
  }
}
