import { describe, expect, it } from 'vitest';
import { backendConformance, FaultyBackend, MemoryBackend } from '../src/testing/testing.ts';

describe('MemoryBackend', () => {
  const cases = backendConformance(() => {
    const backend = new MemoryBackend();
    return Promise.resolve({
      backend,
      put: (path: string, content: Uint8Array) => Promise.resolve(void backend.put(path, content)),
      delete: (path: string) => Promise.resolve(void backend.delete(path)),
      openReads: () => backend.openReads,
      [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
    });
  });
  for (const { name, run } of cases) it(name, run);

  it('counts requests and bytes', async () => {
    const backend = new MemoryBackend();
    backend.put('a', 'hello');
    await backend.stat('a');
    for await (const page of backend.list({ prefix: '' })) expect(page.blobs).toHaveLength(1);
    for await (const piece of backend.read('a', { offset: 1, length: 3 })) expect(Buffer.from(piece).toString()).toBe('ell');
    expect(backend.requests).toEqual({ list: 1, stat: 1, read: 1, bytes: 3 });
  });
});

describe('FaultyBackend', () => {
  function make(): { memory: MemoryBackend; faulty: FaultyBackend } {
    const memory = new MemoryBackend({ pieceBytes: 4 });
    memory.put('a', 'abcdefghij');
    return { memory, faulty: new FaultyBackend(memory) };
  }
  async function text(faulty: FaultyBackend, path = 'a'): Promise<string> {
    let all = '';
    for await (const piece of faulty.read(path, { offset: 0, length: 10 })) all += Buffer.from(piece).toString();
    return all;
  }

  describe('without faults is the backend that it wraps', () => {
    const cases = backendConformance(() => {
      const memory = new MemoryBackend();
      const backend = new FaultyBackend(memory);
      return Promise.resolve({
        backend,
        put: (path: string, content: Uint8Array) => Promise.resolve(void memory.put(path, content)),
        delete: (path: string) => Promise.resolve(void memory.delete(path)),
        openReads: () => memory.openReads,
        [Symbol.asyncDispose]: () => backend[Symbol.asyncDispose](),
      });
    });
    for (const { name, run } of cases) it(name, run);
  });

  it('fails as many requests as told, and only the ones that match', async () => {
    const { faulty } = make();
    faulty.fail('BLOB_THROTTLED', { operation: 'stat', path: 'a', times: 2, retryAfterMs: 50 });
    expect(await text(faulty)).toBe('abcdefghij');
    const expected = { code: 'BLOB_THROTTLED', kind: 'throttled', backend: 'memory', retryAfterMs: 50, retryable: true };
    await expect(faulty.stat('a')).rejects.toMatchObject(expected);
    await expect(faulty.stat('a')).rejects.toMatchObject(expected);
    expect((await faulty.stat('a')).size).toBe(10);
  });

  it('breaks a read after exactly the bytes told', async () => {
    const { faulty, memory } = make();
    faulty.fail('BLOB_UNREACHABLE', { operation: 'read', afterBytes: 6 });
    let seen = '';
    await expect(async () => {
      for await (const piece of faulty.read('a', { offset: 0, length: 10 })) seen += Buffer.from(piece).toString();
    }).rejects.toMatchObject({ code: 'BLOB_UNREACHABLE' });
    expect(seen).toBe('abcdef');
    expect(memory.openReads).toBe(0);
    expect(await text(faulty)).toBe('abcdefghij');
  });

  it('holds requests at a gate until it opens', async () => {
    const { faulty } = make();
    const gate = faulty.hold({ operation: 'read', afterBytes: 4 });
    const reads = [text(faulty), text(faulty)];
    await gate.reached(2);
    expect(gate.waiting).toBe(2);
    gate.open();
    expect(await Promise.all(reads)).toEqual(['abcdefghij', 'abcdefghij']);
    expect(gate.waiting).toBe(0);
    expect(await text(faulty)).toBe('abcdefghij');
  });

  it('lets go of an aborted request at a gate, and of a delayed one', async () => {
    const { faulty } = make();
    const gate = faulty.hold({ operation: 'stat' });
    const controller = new AbortController();
    const reason = new Error('enough');
    const stat = faulty.stat('a', { signal: controller.signal });
    await gate.reached();
    controller.abort(reason);
    await expect(stat).rejects.toBe(reason);
    faulty.heal();
    faulty.delay(3_600_000, { operation: 'stat' });
    await expect(faulty.stat('a', { signal: AbortSignal.timeout(1) })).rejects.toMatchObject({ name: 'TimeoutError' });
  });
});
