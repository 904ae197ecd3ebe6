import type { BlobBackend, BlobProperties } from '@warpforge/blob-backend';
import { MemoryBackend } from '@warpforge/blob-backend/testing';
import { closeSync, mkdtempSync, openSync, readdirSync, readSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { BlockCache, channels, type BlockCacheOptions } from '../src/index.ts';

export { bytesOf } from './content.ts';

export const KIB = 1024;
export const MIB = 1024 * KIB;
export const CHUNK = 128 * KIB;

/** A folder that is gone after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'block-cache-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A store with one blob. */
export function storeWith(content: Uint8Array, path = 'train/shard-000000.tar'): { backend: MemoryBackend; blob: BlobProperties } {
  const backend = new MemoryBackend();
  return { backend, blob: backend.put(path, content) };
}

/** A cache that is closed after the test. */
export async function openCache(directory: string, options: Partial<BlockCacheOptions> = {}): Promise<BlockCache> {
  const cache = await BlockCache.open({ directory, maxSizeBytes: 1024 * MIB, blockSizeBytes: MIB, ...options });
  onTestFinished(() => cache[Symbol.asyncDispose]());
  return cache;
}

/** A wait longer than this is a hang. */
const HANG_MS = 20_000;

/** Waits until nothing is on its way between network and disk. */
export async function quiet(cache: BlockCache): Promise<void> {
  const isQuiet = (): boolean => {
    const { activeFetches, queuedFetches, bufferedBytes, evicting } = cache.stats();
    return !evicting && activeFetches + queuedFetches + bufferedBytes === 0;
  };
  await until(isQuiet, () => cache.stats());
}

/** Waits until `holds` says so. */
export async function until(holds: () => boolean | Promise<boolean>, describe?: () => unknown): Promise<void> {
  const start = performance.now();
  while (!(await holds())) {
    if (performance.now() - start > HANG_MS) throw new Error(`waited in vain: ${JSON.stringify(describe?.())}`);
    await setImmediate();
  }
}

/** Reads one range with a handle of its own. */
export async function readOnce(
  cache: BlockCache,
  backend: BlobBackend,
  blob: BlobProperties,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  await using file = await cache.openFile(backend, blob);
  return await file.read(offset, length);
}

/** Warms and waits for the report. */
export async function warmAll(cache: BlockCache, backend: BlobBackend, ...blobs: BlobProperties[]): Promise<void> {
  const report = await cache.warm(backend, blobs);
  if (report.complete !== blobs.length)
    throw new AggregateError(
      report.failed.map(({ error }) => error),
      'not all warmed',
    );
}

/** Paths of the cache files with this ending. */
export function cacheFiles(directory: string, suffix: '.data' | '.meta'): string[] {
  const files = join(directory, 'files');
  return readdirSync(files, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(suffix))
    .map((name) => join(files, name));
}

/** Bytes that the cache files take on disk. */
export function diskUsage(directory: string): number {
  const files = [...cacheFiles(directory, '.data'), ...cacheFiles(directory, '.meta')];
  return files.reduce((sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.blocks ?? 0) * 512, 0);
}

/** Changes one byte of a file, leaving its holes alone. */
export function flipByte(path: string, at: number): void {
  const fd = openSync(path, 'r+');
  const byte = Buffer.alloc(1);
  readSync(fd, byte, 0, 1, at);
  byte[0] = (byte[0] ?? 0) ^ 0x55;
  writeSync(fd, byte, 0, 1, at);
  closeSync(fd);
}

/** Collects the events of one channel during the test. */
export function collect(name: keyof typeof channels): unknown[] {
  const events: unknown[] = [];
  const listen = (event: unknown): void => {
    events.push(event);
  };
  channels[name].subscribe(listen);
  onTestFinished(() => {
    channels[name].unsubscribe(listen);
  });
  return events;
}
