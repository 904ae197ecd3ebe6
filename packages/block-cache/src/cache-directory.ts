import { chmodSync, closeSync, mkdirSync, openSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';

import { DirectoryLock, LOCK_FILE } from './directory-lock.ts';
import { codeOf, type DiskHealth } from './disk-health.ts';
import { CacheError, CacheLockedError } from './errors.ts';
import { CHUNK_BYTES } from './geometry.ts';
import { loadLibc, type Libc } from './libc.ts';

/** Folder of the cache files. */
const FILES_FOLDER = 'files';

const PRIVATE = 0o700;

/** Failures of the directory that a reader need not know of: reads go on without the disk. */
const DISK_UNUSABLE = new Set([
  'EROFS',
  'EACCES',
  'EPERM',
  'ENOSPC',
  'EDQUOT',
  'EIO',
  'EMFILE',
  'ENFILE',
  'ENOLCK',
  'ENOSYS',
  'EOPNOTSUPP',
]);

/** A directory that this process owns, and what its file system can do. */
export interface OwnedDirectory {
  /** Folder of the cache files. */
  readonly files: string;
  /** Undefined when the directory can't be used: nothing is to be read or written there. */
  readonly lock: DirectoryLock | undefined;
  /** Undefined when holes can't be punched: files are evicted whole. */
  readonly punching: Libc | undefined;
}

/**
 * Makes the directory if need be, takes its lock and tries what it can do.
 *
 * @throws CacheLockedError, or CacheError `CACHE_DIRECTORY` when the path can't be a directory.
 */
export async function ownDirectory(directory: string, health: DiskHealth): Promise<OwnedDirectory> {
  const native = loadLibc();
  const files = join(directory, FILES_FOLDER);
  let lock: DirectoryLock | undefined;
  try {
    makePrivate(directory);
    lock = DirectoryLock.take(directory, native.libc);
    mkdirSync(files, { recursive: true, mode: PRIVATE });
  } catch (error) {
    lock?.[Symbol.dispose]();
    if (error instanceof CacheLockedError) throw error;
    const code = codeOf(error);
    if (!DISK_UNUSABLE.has(code)) {
      throw new CacheError('CACHE_DIRECTORY', `${directory} can't be a cache directory (${code}); name a directory on a local disk`, {
        cause: error,
      });
    }
    health.giveUp(`cache directory ${directory} can't be used (${code}); everything is served from the network`, error);
    return { files, lock: undefined, punching: undefined };
  }
  if (lock.unnamed !== undefined)
    health.report('write', `the lock file in ${directory} could not be written (${codeOf(lock.unnamed)})`, lock.unnamed);
  if (native.libc === undefined) {
    health.report(
      'native',
      'system calls of Linux could not be loaded: the directory is locked by its owner file, and files are evicted whole',
      native.reason,
    );
    return { files, lock, punching: undefined };
  }
  const punching = (await canPunch(directory, native.libc)) ? native.libc : undefined;
  if (punching === undefined) health.report('native', `the file system of ${directory} can't punch holes: files are evicted whole`);
  return { files, lock, punching };
}

/** Makes the directory for its owner only. One that holds other things is left as it is; the folder of the files is private anyway. */
function makePrivate(directory: string): void {
  mkdirSync(directory, { recursive: true, mode: PRIVATE });
  const foreign = readdirSync(directory).some((name) => name !== FILES_FOLDER && !name.startsWith(LOCK_FILE));
  if (!foreign && (statSync(directory).mode & 0o777) !== PRIVATE) chmodSync(directory, PRIVATE);
}

/** Tries a hole on a small file: not every file system has them. */
async function canPunch(directory: string, libc: Libc): Promise<boolean> {
  const path = join(directory, `${LOCK_FILE}.probe`);
  let fd: number;
  try {
    fd = openSync(path, 'w+', 0o600);
  } catch {
    return true; // A full disk says nothing about holes; if there are none, eviction will report it.
  }
  try {
    writeSync(fd, Buffer.alloc(CHUNK_BYTES));
    await libc.punchHole(fd, 0, CHUNK_BYTES);
    return true;
  } catch (error) {
    return codeOf(error) === 'ENOSPC';
  } finally {
    closeSync(fd);
    rmSync(path, { force: true });
  }
}
