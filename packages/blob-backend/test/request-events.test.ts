import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, it, onTestFinished } from 'vitest';
import { CHANNELS, withRequestEvents, withRetries, type BytesEvent, type RequestEvent } from '../src/index.ts';
import { backendConformance, FaultyBackend, MemoryBackend } from '../src/testing/testing.ts';

function collect<T>(name: string): T[] {
  const events: T[] = [];
  const listen = (event: unknown): void => void events.push(event as T);
  subscribe(name, listen);
  onTestFinished(() => void unsubscribe(name, listen));
  return events;
}

describe('withRequestEvents', () => {
  describe('is the backend that it wraps', () => {
    const cases = backendConformance(() => {
      const memory = new MemoryBackend();
      const backend = withRequestEvents(memory);
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

  it('tells of every request once, with its bytes', async () => {
    const memory = new MemoryBackend({ name: 'store', pieceBytes: 4 });
    for (const name of ['a', 'b', 'c']) memory.put(name, 'abcdefghij');
    const backend = withRequestEvents(memory);
    const requests = collect<RequestEvent>(CHANNELS.request);
    const bytes = collect<BytesEvent>(CHANNELS.bytes);

    await backend.stat('a');
    await Array.fromAsync(backend.list({ prefix: '', pageSize: 2 }));
    await Array.fromAsync(backend.read('a', { offset: 0, length: 10 }));
    for await (const piece of backend.read('a', { offset: 0, length: 10 })) if (piece.length > 0) break;

    expect(requests.map(({ backend: name, operation, bytes: count, error }) => [name, operation, count, error])).toEqual([
      ['store', 'stat', 0, undefined],
      ['store', 'list', 0, undefined],
      ['store', 'list', 0, undefined],
      ['store', 'read', 10, undefined],
      ['store', 'read', 4, undefined],
    ]);
    for (const { durationMs } of requests) expect(durationMs).toBeGreaterThanOrEqual(0);
    expect(bytes.map((event) => event.bytes)).toEqual([4, 4, 2, 4]);
  });

  it('tells of each failed try, with the bytes that had come', async () => {
    const memory = new MemoryBackend({ pieceBytes: 4 });
    const { etag } = memory.put('a', 'abcdefghij');
    const faulty = new FaultyBackend(memory);
    const backend = withRetries(withRequestEvents(faulty), { wait: () => Promise.resolve() });
    const requests = collect<RequestEvent>(CHANNELS.request);

    faulty.fail('BLOB_THROTTLED', { operation: 'read' });
    faulty.fail('BLOB_UNREACHABLE', { operation: 'read', afterBytes: 6 });
    faulty.fail('BLOB_SERVICE', { operation: 'list' });
    await Array.fromAsync(backend.read('a', { offset: 0, length: 10, ifMatch: etag }));
    await Array.fromAsync(backend.list({ prefix: '' }));
    await expect(backend.stat('missing')).rejects.toMatchObject({ code: 'BLOB_NOT_FOUND' });

    expect(requests.map(({ operation, bytes, error }) => [operation, bytes, error?.code])).toEqual([
      ['read', 0, 'BLOB_THROTTLED'],
      ['read', 6, 'BLOB_UNREACHABLE'],
      ['read', 4, undefined],
      ['list', 0, 'BLOB_SERVICE'],
      ['list', 0, undefined],
      ['stat', 0, 'BLOB_NOT_FOUND'],
    ]);
  });

  it('does not call an abort a failure', async () => {
    const memory = new MemoryBackend();
    memory.put('a', 'abc');
    const requests = collect<RequestEvent>(CHANNELS.request);
    await expect(withRequestEvents(memory).stat('a', { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
    expect(requests).toHaveLength(1);
    expect(requests[0]).not.toHaveProperty('error');
  });
});
