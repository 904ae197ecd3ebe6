import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Catalog } from '../src/catalog.ts';
import type { VersionContext } from '../src/cached-version.ts';
import { Counters } from '../src/counters.ts';
import { DiskHealth } from '../src/disk-health.ts';
import { LoadedVersions } from '../src/loaded-versions.ts';
import { OpenFiles } from '../src/open-files.ts';
import { scanFiles } from '../src/scan.ts';
import { bytesOf, cacheFiles, CHUNK, flipByte, MIB, openCache, storeWith, temporaryFolder, warmAll } from './harness.ts';

/** The registry over a directory with one complete file of 1 MiB, after a restart; `idleMapBytes` 0 unloads at every release. */
async function registry(idleMapBytes: number) {
  const directory = temporaryFolder();
  const { backend, blob } = storeWith(bytesOf(1, MIB));
  const cache = await openCache(directory);
  await warmAll(cache, backend, blob);
  await cache[Symbol.asyncDispose]();
  const files = join(directory, 'files');
  const catalog = new Catalog(files);
  await scanFiles(files, catalog, { onFailure: () => undefined });
  const health = new DiskHealth(directory, new Counters(), Date.now);
  const openFiles = new OpenFiles(0);
  const versions = new LoadedVersions({
    catalog,
    files: openFiles,
    libc: undefined,
    health,
    blockSize: MIB,
    now: Date.now,
    idleMapBytes,
    context: () => ({ health, counters: new Counters(), now: Date.now }) as VersionContext,
  });
  const [entry] = catalog.entries();
  return { catalog, versions, entry: entry!, data: cacheFiles(directory, '.data')[0]! };
}

describe('versions in memory', () => {
  it('are shared by all users, and kept for a while after the last', async () => {
    const { versions, entry } = await registry(MIB);
    const [first, second] = await Promise.all([versions.keep(entry), versions.keep(entry)]);
    expect(second.version).toBe(first.version);
    first.release();
    first.release();
    expect(entry.users).toBe(1);
    second.release();
    const third = await versions.keep(entry);
    expect(third.version).toBe(first.version);
    third.release();
    await versions.close();
  });

  it('are let go beyond the bound; what was verified stays so only if all was', async () => {
    const { versions, entry, data } = await registry(0);
    const first = await versions.keep(entry);
    await first.version.verify(0, 2);
    first.release();
    expect(entry.version).toBeUndefined();
    flipByte(data, 4 * CHUNK);
    const second = await versions.keep(entry);
    expect(second.version).not.toBe(first.version);
    expect(second.version.stored.map.isVerified(0)).toBe(false);
    await second.version.verify(0, 4);
    expect(second.version.stored.map.isPresent(4)).toBe(true);
    second.release();
    flipByte(data, 4 * CHUNK);
    const third = await versions.keep(entry);
    await third.version.verify(0, third.version.geometry.chunks);
    third.release();
    const fourth = await versions.keep(entry);
    expect(fourth.version.stored.map.allPresentVerified).toBe(true);
    fourth.release();
    await versions.close();
  });

  it('are begun anew when their metadata was lost', async () => {
    const { versions, entry, data } = await registry(0);
    flipByte(data.replace(/data$/, 'meta'), 30);
    const lease = await versions.keep(entry);
    expect(lease.version.stored.map.presentChunks).toBe(0);
    expect(lease.version.stored.onDisk).toBe(false);
    lease.release();
    await versions.close();
  });

  it('wait for a removal to end before they are loaded again', async () => {
    const { catalog, versions, entry } = await registry(MIB);
    const lease = await versions.keep(entry);
    lease.release();
    const removal = versions.remove(entry);
    const next = await versions.acquire('memory', entry.header);
    await removal;
    expect(next.version).not.toBe(lease.version);
    expect(next.version.stored.onDisk).toBe(false);
    expect(catalog.sizeBytes).toBe(0);
    next.release();
    await versions.close();
  });
});
