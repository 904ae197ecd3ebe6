import { FaultyBackend } from '@warpforge/blob-backend/testing';
import { describe, expect, it } from 'vitest';
import { bytesOf, CHUNK, MIB, openCache, quiet, storeWith, temporaryFolder } from './harness.ts';

async function coldFile(size = 4 * MIB) {
  const content = bytesOf(1, size);
  const { backend: memory, blob } = storeWith(content);
  const backend = new FaultyBackend(memory);
  const cache = await openCache(temporaryFolder(), { blockSizeBytes: 4 * MIB, readaheadBlocks: 0 });
  return { content, memory, backend, blob, cache };
}

describe('one request per chunk range', () => {
  it('serves any number of readers and handles with one request', async () => {
    const { content, memory, backend, blob, cache } = await coldFile();
    const files = await Promise.all(Array.from({ length: 20 }, () => cache.openFile(backend, blob)));
    const gate = backend.hold({ operation: 'read' });
    const reads = files.map((file, index) => file.read(index * 1000, MIB - 20_000));
    await gate.reached();
    gate.open();
    for (const [index, bytes] of (await Promise.all(reads)).entries()) {
      expect(Buffer.compare(bytes, content.subarray(index * 1000, index * 1000 + MIB - 20_000))).toBe(0);
    }
    expect(memory.requests).toMatchObject({ read: 1, bytes: MIB });
  });

  it('goes on for the others when one reader gives up, whether it came first or later', async () => {
    const { content, memory, backend, blob, cache } = await coldFile();
    await using file = await cache.openFile(backend, blob);
    const gate = backend.hold({ operation: 'read' });
    const first = new AbortController();
    const third = new AbortController();
    const aborted = [file.read(0, CHUNK, { signal: first.signal }), file.read(0, CHUNK, { signal: third.signal })];
    const stays = file.read(10, 100);
    await gate.reached();
    first.abort(new Error('first gave up'));
    third.abort(new Error('third gave up'));
    await expect(aborted[0]).rejects.toThrow('first gave up');
    await expect(aborted[1]).rejects.toThrow('third gave up');
    gate.open();
    expect(Buffer.compare(await stays, content.subarray(10, 110))).toBe(0);
    expect(memory.requests.read).toBe(1);
  });

  it('ends the request when nobody waits for it, keeps what has arrived, and asks only for the rest later', async () => {
    const { content, memory, backend, blob, cache } = await coldFile();
    await using file = await cache.openFile(backend, blob);
    const gate = backend.hold({ operation: 'read', afterBytes: 2 * CHUNK + 5 });
    const controller = new AbortController();
    const read = file.read(0, MIB, { signal: controller.signal });
    await gate.reached();
    controller.abort();
    await expect(read).rejects.toMatchObject({ name: 'AbortError' });
    await quiet(cache);
    expect(memory.openReads).toBe(0);
    backend.heal();
    expect(Buffer.compare(await file.read(0, MIB), content.subarray(0, MIB))).toBe(0);
    expect(cache.stats()).toMatchObject({ hits: 2 });
  });

  it('refuses a read whose signal is aborted already, without a request', async () => {
    const { memory, backend, blob, cache } = await coldFile();
    await using file = await cache.openFile(backend, blob);
    await expect(file.read(0, 10, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
    expect(memory.requests.read).toBe(0);
  });

  it('does not wait for a reader that gave up in the moment of asking', async () => {
    const { memory, backend, blob, cache } = await coldFile();
    await using file = await cache.openFile(backend, blob);
    const gate = backend.hold({ operation: 'read' });
    const controller = new AbortController();
    const read = file.read(0, CHUNK, { signal: controller.signal });
    controller.abort(new Error('changed my mind'));
    await expect(read).rejects.toThrow('changed my mind');
    await quiet(cache);
    expect(gate.waiting).toBe(0);
    expect(memory.requests.read).toBe(0);
  });

  it('fails only those who wait for a failed request; the next read tries again', async () => {
    const { content, memory, backend, blob, cache } = await coldFile();
    await using file = await cache.openFile(backend, blob);
    backend.fail('BLOB_UNREACHABLE', { operation: 'read', afterBytes: 3 * CHUNK });
    const reads = [file.read(0, MIB), file.read(CHUNK, CHUNK), file.read(5 * CHUNK, CHUNK)];
    const [whole, early, late] = await Promise.allSettled(reads);
    expect(whole).toMatchObject({ status: 'rejected', reason: { code: 'BLOB_UNREACHABLE' } });
    expect(late).toMatchObject({ status: 'rejected', reason: { code: 'BLOB_UNREACHABLE' } });
    expect(early).toMatchObject({ status: 'fulfilled' });
    expect(Buffer.compare(await file.read(0, MIB), content.subarray(0, MIB))).toBe(0);
    expect(memory.requests.read).toBe(2);
  });

  it('does not take a short answer for the whole', async () => {
    const { content, memory, blob, cache } = await coldFile();
    let missing = 1;
    const short = Object.assign(Object.create(memory) as typeof memory, {
      read: (path: string, options: Parameters<typeof memory.read>[1]) =>
        memory.read(path, { ...options, length: options.length - missing }),
    });
    await using file = await cache.openFile(short, blob);
    await expect(file.read(0, 2 * CHUNK)).rejects.toMatchObject({ code: 'BLOB_PROTOCOL' });
    missing = 0;
    expect(Buffer.compare(await file.read(0, 2 * CHUNK), content.subarray(0, 2 * CHUNK))).toBe(0);
  });
});
