import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DirectoryLock } from '../src/directory-lock.ts';
import { BlockCache, CacheError, CacheLockedError } from '../src/index.ts';
import { startChild } from './children/child.ts';
import { openCache, temporaryFolder } from './harness.ts';

const LIMIT = { maxSizeBytes: 1024 * 1024 };

describe('a cache directory', () => {
  it('belongs to one process; a second one is told who has it', async () => {
    const directory = temporaryFolder();
    const child = startChild('hold-lock.ts', directory);
    await child.lines.next();
    const refused = BlockCache.open({ directory, ...LIMIT });
    await expect(refused).rejects.toBeInstanceOf(CacheLockedError);
    await expect(refused).rejects.toMatchObject({ code: 'CACHE_LOCKED', directory, owner: { pid: child.pid, host: hostname() } });
    await expect(refused).rejects.toThrow(`process ${child.pid}`);
    await child.kill();
    await openCache(directory, LIMIT);
  });

  it('belongs to one cache within a process, and is free again when that is closed', async () => {
    const directory = temporaryFolder();
    const cache = await openCache(directory, LIMIT);
    await expect(BlockCache.open({ directory, ...LIMIT })).rejects.toMatchObject({ code: 'CACHE_LOCKED', owner: { pid: process.pid } });
    await cache[Symbol.asyncDispose]();
    const again = await openCache(directory, LIMIT);
    expect(JSON.parse(readFileSync(join(directory, 'lock'), 'utf8'))).toMatchObject({ pid: process.pid, host: hostname() });
    await again[Symbol.asyncDispose]();
  });

  it('is made for its owner only, also when it was there, empty, with wider rights', async () => {
    const made = join(temporaryFolder(), 'a', 'b');
    await openCache(made, LIMIT);
    expect(statSync(made).mode & 0o777).toBe(0o700);
    const wide = join(temporaryFolder(), 'wide');
    mkdirSync(wide, { mode: 0o755 });
    await openCache(wide, LIMIT);
    expect(statSync(wide).mode & 0o777).toBe(0o700);
    expect(statSync(join(wide, 'lock')).mode & 0o777).toBe(0o600);
  });

  it('keeps its rights when it holds other things too; the cache files are private all the same', async () => {
    const shared = join(temporaryFolder(), 'shared');
    mkdirSync(shared, { mode: 0o755 });
    mkdirSync(join(shared, 'lost+found'));
    await openCache(shared, LIMIT);
    expect(statSync(shared).mode & 0o777).toBe(0o755);
    expect(statSync(join(shared, 'files')).mode & 0o777).toBe(0o700);
  });

  it('can’t be a file', async () => {
    const path = join(temporaryFolder(), 'file');
    writeFileSync(path, '');
    const refused = BlockCache.open({ directory: path, ...LIMIT });
    await expect(refused).rejects.toBeInstanceOf(CacheError);
    await expect(refused).rejects.toMatchObject({ code: 'CACHE_DIRECTORY' });
  });
});

describe('without flock the lock file itself decides', () => {
  const record = (change: object): string => {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    const startTime = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
    const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return JSON.stringify({ pid: process.pid, host: hostname(), startTime, bootId, ...change });
  };

  it.each([
    ['this very process', {}],
    ['a process of another host, which can’t be looked at', { host: 'elsewhere', bootId: 'other' }],
  ])('it is held by %s', (_, change) => {
    const directory = temporaryFolder();
    writeFileSync(join(directory, 'lock'), record(change));
    expect(() => DirectoryLock.take(directory, undefined)).toThrow(CacheLockedError);
  });

  it.each([
    ['has ended', { pid: 2 ** 22 - 1, startTime: '1' }],
    ['is another one with the same pid', { startTime: '1' }],
    ['ran before the last boot', { bootId: 'before' }],
  ])('it is taken over from a process that %s', (_, change) => {
    const directory = temporaryFolder();
    writeFileSync(join(directory, 'lock'), record(change));
    const lock = DirectoryLock.take(directory, undefined);
    expect(() => DirectoryLock.take(directory, undefined)).toThrow(CacheLockedError);
    lock[Symbol.dispose]();
    DirectoryLock.take(directory, undefined)[Symbol.dispose]();
  });

  it('it is taken over when it says nothing', () => {
    const directory = temporaryFolder();
    writeFileSync(join(directory, 'lock'), '{"pid":');
    DirectoryLock.take(directory, undefined)[Symbol.dispose]();
  });
});
