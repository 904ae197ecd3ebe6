/**
 * Names for files and folders that are not complete yet, and the removal of those that a killed process left behind.
 *
 * A temporary name is hidden, so that no reader takes it for data, and says who writes it: a tag of the host (and of the process
 * namespace, as containers of one host may share a folder), the process id, and random digits.
 */
import { createHash, randomBytes } from 'node:crypto';
import { readdir, readlink, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** What no one has written to for this long is abandoned, whoever wrote it: the longest pause of a writer is one sample. */
const ABANDONED_AFTER_MS = 24 * 60 * 60 * 1000;

const TEMPORARY = /^\.(?<name>.+)\.(?<host>[0-9a-f]{8})-(?<pid>\d+)-[0-9a-f]{12}\.tmp$/s;

let hostTag: Promise<string> | undefined;

/** A name beside `name` for what will become it. */
export async function temporaryName(name: string): Promise<string> {
  return `.${name}.${await tagOfHost()}-${process.pid}-${randomBytes(6).toString('hex')}.tmp`;
}

/**
 * Removes temporary files and folders whose writer is gone: its process has ended on this host, or it has not written for a day.
 *
 * @param directory where to look; it need not exist
 * @param isOurs says which final names are meant
 */
export async function removeAbandoned(directory: string, isOurs: (name: string) => boolean, now = Date.now()): Promise<void> {
  let entries: string[];
  try {
    entries = await readdir(directory);
  } catch {
    return; // Whoever creates a file here next is told why that does not work.
  }
  const host = await tagOfHost();
  for (const entry of entries) {
    const found = TEMPORARY.exec(entry)?.groups;
    if (found === undefined || !isOurs(found['name'] ?? '')) continue;
    const path = join(directory, entry);
    const isGone = found['host'] === host && !isRunning(Number(found['pid']));
    if (!isGone && !(await isOlderThan(path, now - ABANDONED_AFTER_MS))) continue;
    // What cannot be removed (another user's) is hidden, and in no one's way.
    await rm(path, { recursive: true, force: true }).catch(() => undefined);
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it runs, as another user.
    return !(error instanceof Error && 'code' in error && error.code === 'ESRCH');
  }
}

async function isOlderThan(path: string, time: number): Promise<boolean> {
  try {
    return (await stat(path)).mtimeMs < time;
  } catch {
    return false; // Its writer has just completed it.
  }
}

function tagOfHost(): Promise<string> {
  hostTag ??= readlink('/proc/self/ns/pid')
    .catch(() => '') // Not Linux: one namespace a host.
    .then((namespace) => createHash('sha256').update(`${hostname()}\0${namespace}`).digest('hex').slice(0, 8));
  return hostTag;
}
