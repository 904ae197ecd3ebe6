import { closeSync, constants, ftruncateSync, linkSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

import { CacheLockedError, type LockOwner } from './errors.ts';
import type { Libc } from './libc.ts';

/** Name of the lock file in the cache directory. It stays there; only its lock (or, without `flock`, its content) says who owns. */
export const LOCK_FILE = 'lock';

/** What the lock file says about the owner, as JSON. */
interface LockRecord {
  readonly pid: number;
  readonly host: string;
  /** Start of the process in clock ticks since boot (Linux): tells a reused pid from the owner. */
  readonly startTime: string | undefined;
  /** Identity of the running kernel (Linux): after a reboot no pid of before is alive. */
  readonly bootId: string | undefined;
}

/** Exclusive ownership of a cache directory, until disposed or until the process is gone. */
export class DirectoryLock implements Disposable {
  /** Why the lock file could not name this process, if so. The lock holds all the same; only others can't say whose it is. */
  readonly unnamed: unknown;
  readonly #release: () => void;

  private constructor(release: () => void, unnamed?: unknown) {
    this.#release = release;
    this.unnamed = unnamed;
  }

  /**
   * Takes the directory: with `flock` where there is `libc`, else by a file that names its owner, which is taken over when that
   * process is gone.
   *
   * @throws CacheLockedError naming the owner; or the system's error when the file can't be made.
   */
  static take(directory: string, libc: Libc | undefined): DirectoryLock {
    const path = join(directory, LOCK_FILE);
    return libc === undefined ? new DirectoryLock(takeByOwner(directory, path)) : DirectoryLock.#takeByFlock(directory, path, libc);
  }

  static #takeByFlock(directory: string, path: string, libc: Libc): DirectoryLock {
    const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      if (!libc.tryLock(fd)) throw new CacheLockedError(directory, ownerOf(readRecord(path)));
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    let unnamed: unknown;
    try {
      const text = Buffer.from(JSON.stringify(ownRecord()));
      writeSync(fd, text, 0, text.length, 0);
      ftruncateSync(fd, text.length);
    } catch (error) {
      unnamed = error;
    }
    return new DirectoryLock(() => closeSync(fd), unnamed);
  }

  [Symbol.dispose](): void {
    this.#release();
  }
}

function takeByOwner(directory: string, path: string): () => void {
  const own = `${path}.${process.pid}`;
  const fd = openSync(own, 'w', 0o600);
  try {
    writeSync(fd, JSON.stringify(ownRecord()));
  } finally {
    closeSync(fd);
  }
  try {
    for (;;) {
      if (tryLink(own, path)) return () => rmSync(path, { force: true });
      const record = readRecord(path);
      if (record !== undefined && isAlive(record)) throw new CacheLockedError(directory, ownerOf(record));
      removeStale(path, `${own}.stale`);
    }
  } finally {
    rmSync(own, { force: true });
  }
}

/** Moves a dead owner's file away. Another process may have done so first and own the directory by now: then its file goes back. */
function removeStale(path: string, aside: string): void {
  try {
    renameSync(path, aside);
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return;
    throw error;
  }
  const moved = readRecord(aside);
  if (moved !== undefined && isAlive(moved)) tryLink(aside, path);
  rmSync(aside, { force: true });
}

/** Links `from` to `to` unless `to` exists: the one step that decides between two processes. */
function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}

function ownRecord(): LockRecord {
  return { pid: process.pid, host: hostname(), startTime: startTimeOf(process.pid), bootId: bootId() };
}

/** Whether the process that wrote a record still runs. In doubt (another host) it does. */
function isAlive(record: LockRecord): boolean {
  if (record.host !== hostname()) return true;
  if (record.bootId !== bootId()) return false;
  const startTime = startTimeOf(record.pid);
  if (record.startTime !== undefined && startTime !== undefined) return startTime === record.startTime;
  try {
    process.kill(record.pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function ownerOf(record: LockRecord | undefined): LockOwner {
  return { pid: record?.pid, host: record?.host };
}

function readRecord(path: string): LockRecord | undefined {
  const text = readIfThere(path);
  if (text === undefined) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined; // The owner is just writing it, or the disk was full: an owner without a name.
  }
  if (typeof value !== 'object' || value === null || !('pid' in value) || typeof value.pid !== 'number') return undefined;
  return {
    pid: value.pid,
    host: textField(value, 'host') ?? '',
    startTime: textField(value, 'startTime'),
    bootId: textField(value, 'bootId'),
  };
}

function textField(value: object, name: string): string | undefined {
  const field: unknown = Object.getOwnPropertyDescriptor(value, name)?.value;
  return typeof field === 'string' ? field : undefined;
}

function bootId(): string | undefined {
  return readIfThere('/proc/sys/kernel/random/boot_id')?.trim();
}

/** Field 22 of `/proc/<pid>/stat`; the second field, in brackets, may hold spaces. */
function startTimeOf(pid: number): string | undefined {
  const stat = readIfThere(`/proc/${pid}/stat`);
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ESRCH')) return undefined;
    throw error;
  }
}
