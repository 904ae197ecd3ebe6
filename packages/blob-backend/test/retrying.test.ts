import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BlobError, withRetries, type BlobBackend, type BlobErrorCode } from '../src/index.ts';
import { backendConformance, FaultyBackend, MemoryBackend } from '../src/testing/testing.ts';

interface Setup {
  readonly memory: MemoryBackend;
  readonly faulty: FaultyBackend;
  readonly backend: BlobBackend;
  /** Waits so far, in milliseconds. */
  readonly waits: number[];
}

function setUp(options: { attempts?: number; random?: () => number } = {}): Setup {
  const memory = new MemoryBackend({ pieceBytes: 4 });
  const faulty = new FaultyBackend(memory);
  const waits: number[] = [];
  const wait = (milliseconds: number): Promise<void> => {
    waits.push(milliseconds);
    return Promise.resolve();
  };
  return { memory, faulty, waits, backend: withRetries(faulty, { wait, random: () => 1, ...options }) };
}

async function read(backend: BlobBackend, offset: number, length: number, ifMatch?: string): Promise<string> {
  const pieces = await Array.fromAsync(backend.read('a', { offset, length, ...(ifMatch === undefined ? {} : { ifMatch }) }));
  return Buffer.concat(pieces).toString();
}

describe('withRetries', () => {
  describe('without failures is the backend that it wraps', () => {
    const cases = backendConformance(() => {
      const memory = new MemoryBackend();
      const backend = withRetries(memory);
      return Promise.resolve({
        backend,
        put: (path: string, content: Uint8Array) => Promise.resolve(void memory.put(path, content)),
        delete: (path: string) => Promise.resolve(void memory.delete(path)),
        openReads: () => memory.openReads,
        [Symbol.asyncDispose]: async () => {
          await backend[Symbol.asyncDispose]();
        },
      });
    });
    for (const { name, run } of cases) it(name, run);
  });

  it.each<BlobErrorCode>(['BLOB_UNREACHABLE', 'BLOB_TIMEOUT', 'BLOB_THROTTLED', 'BLOB_SERVICE', 'BLOB_PROTOCOL'])(
    'repeats after %s',
    async (code) => {
      const { memory, faulty, backend, waits } = setUp();
      memory.put('a', 'hello');
      faulty.fail(code, { times: 3 });
      expect((await backend.stat('a')).size).toBe(5);
      expect(waits).toEqual([200, 400, 800]);
    },
  );

  it.each<BlobErrorCode>([
    'BLOB_NOT_FOUND',
    'BLOB_CONTAINER_NOT_FOUND',
    'BLOB_ACCESS_DENIED',
    'BLOB_CHANGED',
    'BLOB_RANGE',
    'BLOB_REQUEST',
  ])('does not repeat after %s', async (code) => {
    const { memory, faulty, backend, waits } = setUp();
    memory.put('a', 'hello');
    for (const operation of ['stat', 'list', 'read'] as const) faulty.fail(code, { operation });
    await expect(backend.stat('a')).rejects.toMatchObject({ code });
    await expect(Array.fromAsync(backend.list({ prefix: '' }))).rejects.toMatchObject({ code });
    await expect(read(backend, 0, 5)).rejects.toMatchObject({ code });
    expect(waits).toEqual([]);
  });

  it('gives up with the last error after the given number of tries', async () => {
    const { faulty, backend, waits } = setUp({ attempts: 4 });
    faulty.fail('BLOB_SERVICE', { times: Infinity });
    for (const work of [backend.stat('a'), Array.fromAsync(backend.list({ prefix: '' })), read(backend, 0, 5)]) {
      waits.length = 0;
      await expect(work).rejects.toMatchObject({ code: 'BLOB_SERVICE' });
    }
    await expect(backend.stat('a')).rejects.toBeInstanceOf(BlobError);
    expect(waits).toEqual([200, 400, 800]);
  });

  it('waits a random time up to a bound that doubles and ends at 10 s', async () => {
    const { faulty, backend, waits } = setUp({ attempts: 10, random: () => 0.5 });
    faulty.fail('BLOB_SERVICE', { times: Infinity });
    await expect(backend.stat('a')).rejects.toBeInstanceOf(BlobError);
    expect(waits).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
  });

  it('waits as long as the store asks, and jitter on top', async () => {
    const { memory, faulty, backend, waits } = setUp();
    memory.put('a', 'hello');
    faulty.fail('BLOB_THROTTLED', { times: 2, retryAfterMs: 7000 });
    await backend.stat('a');
    expect(waits).toEqual([7200, 7400]);
  });

  it('does not wait for a store that asks for more than a minute', async () => {
    const { faulty, backend, waits } = setUp();
    faulty.fail('BLOB_THROTTLED', { retryAfterMs: 61_000 });
    await expect(backend.stat('a')).rejects.toMatchObject({ code: 'BLOB_THROTTLED' });
    expect(waits).toEqual([]);
  });

  it('goes on with a broken read at the byte that it had reached', async () => {
    const bytes = fc.uint8Array({ minLength: 1, maxLength: 60 });
    // Breaks before the first byte are no progress: five of them are what the default survives.
    const breaks = fc.tuple(fc.array(fc.constant(0), { maxLength: 5 }), fc.array(fc.integer({ min: 1, max: 60 }), { maxLength: 8 }));
    await fc.assert(
      fc.asyncProperty(bytes, breaks, fc.nat(59), fc.nat(60), async (content, [atOnce, later], start, span) => {
        const { memory, faulty, backend } = setUp();
        const { etag, size } = memory.put('a', content);
        const offset = Math.min(start, size - 1);
        const length = Math.max(1, Math.min(span, size - offset));
        for (const afterBytes of [...later, ...atOnce]) faulty.fail('BLOB_UNREACHABLE', { operation: 'read', afterBytes });
        const pieces = await Array.fromAsync(backend.read('a', { offset, length, ifMatch: etag }));
        expect(Buffer.concat(pieces).equals(content.subarray(offset, offset + length))).toBe(true);
        expect(memory.openReads).toBe(0);
      }),
    );
  });

  it('counts the tries of a read anew whenever bytes have come', async () => {
    const { memory, faulty, backend, waits } = setUp({ attempts: 2 });
    const { etag } = memory.put('a', 'abcdefghijkl');
    faulty.fail('BLOB_UNREACHABLE', { operation: 'read', afterBytes: 1, times: 12 });
    expect(await read(backend, 0, 12, etag)).toBe('abcdefghijkl');
    // The twelfth break comes after the last byte and changes nothing.
    expect(waits).toEqual(Array.from({ length: 11 }, () => 200));
  });

  it('never goes on with another version', async () => {
    const { memory, faulty, backend } = setUp();
    const { etag } = memory.put('a', 'old old old');
    const gate = faulty.hold({ operation: 'read', afterBytes: 6, times: 1 });
    faulty.fail('BLOB_UNREACHABLE', { operation: 'read', afterBytes: 6 });
    const reading = read(backend, 0, 11, etag);
    await gate.reached();
    memory.put('a', 'new new new');
    gate.open();
    await expect(reading).rejects.toMatchObject({ code: 'BLOB_CHANGED' });
  });

  it('does not go on with a broken read that names no version, but begins it again', async () => {
    const { memory, faulty, backend } = setUp();
    memory.put('a', 'abcdefghijkl');
    faulty.fail('BLOB_UNREACHABLE', { operation: 'read' });
    expect(await read(backend, 0, 12)).toBe('abcdefghijkl');
    faulty.fail('BLOB_UNREACHABLE', { operation: 'read', afterBytes: 5 });
    await expect(read(backend, 0, 12)).rejects.toMatchObject({ code: 'BLOB_UNREACHABLE' });
  });

  it('goes on with a broken listing after its last page', async () => {
    const { memory, faulty, backend } = setUp();
    const names = Array.from({ length: 10 }, (_, index) => `n/${index}`);
    for (const name of names) memory.put(name, 'x');
    const listed: string[] = [];
    for await (const page of backend.list({ prefix: 'n/', pageSize: 3 })) {
      listed.push(...page.blobs.map(({ path }) => path));
      faulty.fail('BLOB_SERVICE', { operation: 'list', times: 2 });
    }
    expect(listed).toEqual(names);
    // Four pages, none asked for twice.
    expect(memory.requests.list).toBe(4);
  });

  it('stops waiting when the caller aborts', async () => {
    const memory = new MemoryBackend();
    const faulty = new FaultyBackend(memory);
    faulty.fail('BLOB_SERVICE', { times: Infinity });
    const backend = withRetries(faulty, { baseDelayMs: 3_600_000, maxDelayMs: 3_600_000, random: () => 1 });
    const reason = new Error('enough');
    for (const start of [
      (signal: AbortSignal): Promise<unknown> => backend.stat('a', { signal }),
      (signal: AbortSignal): Promise<unknown> => Array.fromAsync(backend.list({ prefix: '', signal })),
      (signal: AbortSignal): Promise<unknown> => Array.fromAsync(backend.read('a', { offset: 0, length: 1, signal })),
    ]) {
      const controller = new AbortController();
      const work = start(controller.signal);
      setTimeout(() => controller.abort(reason), 5);
      await expect(work).rejects.toBe(reason);
    }
  });
});
