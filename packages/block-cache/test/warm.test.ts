import { FaultyBackend, MemoryBackend } from '@warpforge/blob-backend/testing';
import { describe, expect, it } from 'vitest';
import type { WarmProgress } from '../src/index.ts';
import { bytesOf, CHUNK, MIB, openCache, quiet, readOnce, temporaryFolder, warmAll } from './harness.ts';

function dataSet(count: number, size: number) {
  const memory = new MemoryBackend();
  const blobs = Array.from({ length: count }, (_, index) =>
    memory.put(`train/${String(index).padStart(3, '0')}`, bytesOf(index, size + index)),
  );
  return { memory, backend: new FaultyBackend(memory), blobs };
}

describe('warm', () => {
  it('brings every byte once, in block-sized requests, and says how far it is', async () => {
    const { memory, backend, blobs } = dataSet(5, 3 * MIB);
    const bytes = blobs.reduce((sum, blob) => sum + blob.size, 0);
    const cache = await openCache(temporaryFolder());
    const progress: WarmProgress[] = [];
    const report = await cache.warm(backend, blobs, { parallelFiles: 2, onProgress: (step) => progress.push(step) });
    expect(report).toEqual({ files: 5, bytes, fetchedBytes: bytes, failed: [], complete: 5 });
    expect(memory.requests).toMatchObject({ bytes, read: 3 + 4 * 4 });
    expect(progress.at(-1)).toEqual({ files: 5, filesDone: 5, bytes, bytesDone: bytes, fetchedBytes: bytes });
    for (const [index, step] of progress.entries()) expect(step.bytesDone).toBeGreaterThanOrEqual(progress[index - 1]?.bytesDone ?? 0);
    expect(cache.stats()).toMatchObject({ hits: 0, misses: 0, completeFiles: 5 });
    expect(await cache.warm(backend, blobs)).toMatchObject({ fetchedBytes: 0, complete: 5 });
  });

  it('fetches only what is missing', async () => {
    const { memory, backend, blobs } = dataSet(1, 2 * MIB);
    const cache = await openCache(temporaryFolder(), { readaheadBlocks: 0 });
    await readOnce(cache, backend, blobs[0]!, MIB, 2 * CHUNK);
    await quiet(cache);
    expect(await cache.warm(backend, blobs)).toMatchObject({ complete: 1, fetchedBytes: 2 * MIB - 2 * CHUNK });
    expect(memory.requests.bytes).toBe(2 * MIB);
  });

  it('takes a listing that is still running', async () => {
    const { backend, blobs } = dataSet(10, 1000);
    const cache = await openCache(temporaryFolder());
    const report = await cache.warm(
      backend,
      (async function* () {
        for await (const page of backend.list({ prefix: 'train/', pageSize: 3 })) yield* page.blobs;
      })(),
    );
    expect(report).toMatchObject({ files: 10, complete: 10 });
    for (const blob of blobs) expect(cache.isComplete(backend, blob)).toBe(true);
  });

  it('collects the failures of single files and brings the others', async () => {
    const { memory, backend, blobs } = dataSet(4, MIB);
    backend.fail('BLOB_ACCESS_DENIED', { operation: 'read', path: blobs[1]!.path, times: 99 });
    memory.delete(blobs[2]!.path);
    const cache = await openCache(temporaryFolder());
    const report = await cache.warm(backend, blobs);
    expect(report).toMatchObject({ files: 4, complete: 2 });
    expect(report.failed.map(({ path, error }) => [path, 'code' in error ? error.code : undefined]).sort()).toEqual([
      [blobs[1]!.path, 'BLOB_ACCESS_DENIED'],
      [blobs[2]!.path, 'BLOB_NOT_FOUND'],
    ]);
  });

  it('ends when it is aborted, leaves no request behind, and what came stays', async () => {
    const { memory, backend, blobs } = dataSet(6, 2 * MIB);
    const gate = backend.hold({ operation: 'read', path: (path) => path >= 'train/002' });
    const cache = await openCache(temporaryFolder());
    const controller = new AbortController();
    const warming = cache.warm(backend, blobs, { parallelFiles: 1, signal: controller.signal });
    await gate.reached(3);
    controller.abort(new Error('enough'));
    await expect(warming).rejects.toThrow('enough');
    await quiet(cache);
    expect(memory.openReads).toBe(0);
    expect(cache.isComplete(backend, blobs[0]!)).toBe(true);
    expect(cache.isComplete(backend, blobs[5]!)).toBe(false);
  });

  it('ends with the failure of the listing', async () => {
    const { backend, blobs } = dataSet(2, 1000);
    const cache = await openCache(temporaryFolder());
    const listing = function* () {
      yield blobs[0]!;
      throw new Error('listing broke');
    };
    await expect(cache.warm(backend, listing())).rejects.toThrow('listing broke');
  });

  it('does not push out what it has just brought: what does not fit is reported, and not fetched', async () => {
    const { memory, backend, blobs } = dataSet(8, 2 * MIB);
    const cache = await openCache(temporaryFolder(), { maxSizeBytes: 10 * MIB, maxParallelFetch: 2 });
    const report = await cache.warm(backend, blobs, { parallelFiles: 1 });
    expect(report.complete).toBe(4);
    expect(report.failed).toHaveLength(4);
    for (const { error } of report.failed) expect(error).toMatchObject({ code: 'CACHE_FULL' });
    expect(blobs.filter((blob) => cache.isComplete(backend, blob))).toHaveLength(4);
    expect(memory.requests.bytes).toBeLessThan(10 * MIB);
  });

  it('makes room by evicting what was there before', async () => {
    const { backend, blobs } = dataSet(8, 2 * MIB);
    let now = Date.UTC(2026, 0, 1);
    const cache = await openCache(temporaryFolder(), { maxSizeBytes: 10 * MIB, now: () => now });
    await warmAll(cache, backend, ...blobs.slice(0, 4));
    now += 60_000;
    expect(await cache.warm(backend, blobs.slice(4))).toMatchObject({ complete: 4, failed: [] });
  });

  it('shares requests with readers', async () => {
    const { memory, backend, blobs } = dataSet(1, MIB);
    const blob = blobs[0]!;
    const gate = backend.hold({ operation: 'read' });
    const cache = await openCache(temporaryFolder());
    const reading = readOnce(cache, backend, blob, 0, MIB);
    await gate.reached();
    const warming = cache.warm(backend, blobs);
    gate.open();
    expect(Buffer.compare(await reading, bytesOf(0, MIB))).toBe(0);
    expect(await warming).toMatchObject({ complete: 1, fetchedBytes: 0 });
    expect(memory.requests.bytes).toBe(MIB);
  });
});
