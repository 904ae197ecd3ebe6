import type { BlobBackend, BlobProperties } from '@warpforge/blob-backend';
import { MemoryBackend } from '@warpforge/blob-backend/testing';
import { BlockCache, channels, type BlockCacheOptions } from '@warpforge/block-cache';
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { onTestFinished } from 'vitest';

export const KIB = 1024;
export const MIB = 1024 * KIB;
export const CHUNK = 128 * KIB;

/** A folder that is gone after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'block-cache-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Bytes that look random and depend only on `seed`. */
export function bytesOf(seed: number, length: number): Buffer {
  const parts: Buffer[] = [];
  for (let index = 0; index * 4096 < length; index++) {
    const digest = createHash('shake256', { outputLength: 4096 }).update(`${seed}:${index}`).digest();
    parts.push(digest);
  }
  return Buffer.concat(parts).subarray(0, length);
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

/** Waits until nothing is on its way between network and disk. */
export async function quiet(cache: BlockCache): Promise<void> {
  for (;;) {
    const { activeFetches, queuedFetches, bufferedBytes } = cache.stats();
    if (activeFetches + queuedFetches + bufferedBytes === 0) return;
    await setImmediate();
  }
}

/** Waits until `holds` says so. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await setImmediate();
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
  return [...cacheFiles(directory, '.data'), ...cacheFiles(directory, '.meta')].reduce((sum, path) => sum + statSync(path).blocks * 512, 0);
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
