import { execFileSync } from 'node:child_process';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { describeShard } from '../src/source/describe-shard.ts';
import { locate } from '../src/source/locate.ts';
import { openShard } from '../src/source/open-shard.ts';
import type { ShardInput } from '../src/source/shard-input.ts';
import { ShardServer } from './shard-server.ts';
import { temporaryFolder } from './support.ts';

/** Bytes that do not repeat and do not compress well, longer than the pieces of any stream. */
const BYTES = Buffer.alloc(2_500_001);
for (let index = 0; index < BYTES.length; index++) BYTES[index] = Math.imul(index, 2654435761) >>> 24;
const HALF = BYTES.length >> 1;

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

describe.each([
  'a file',
  'a gzip file',
  'a gzip file of several members, padded with zeros',
  'a zstd file',
  'a zstd file of several frames, skippable ones among them',
  'a URL',
  'a URL whose server does not know ranges',
  'a URL whose server tells no length',
  'a URL of a gzip file',
  'a URL whose server compresses on the way',
  'a custom shard that gives a stream',
  'a custom shard that gives a compressed web stream, later',
  'a custom shard that gives bytes',
])('%s', (kind) => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let server: ShardServer;
  let input: ShardInput;

  async function inFile(name: string, ...parts: Uint8Array[]): Promise<string> {
    await writeFile(join(folder.path, name), Buffer.concat(parts));
    return join(folder.path, name);
  }

  async function prepare(): Promise<ShardInput> {
    // As parallel and seekable writers put in: a magic number, a length, and what no decoder looks at.
    const skippable = Buffer.from('502a4d1804000000aabbccdd', 'hex');
    switch (kind) {
      case 'a file':
        return inFile('x.tar', BYTES);
      case 'a gzip file':
        return inFile('x.tar.gz', gzipSync(BYTES));
      case 'a gzip file of several members, padded with zeros':
        return inFile('x.tgz', gzipSync(BYTES.subarray(0, HALF)), gzipSync(BYTES.subarray(HALF)), Buffer.alloc(10_000));
      case 'a zstd file':
        return inFile('x.tar.zst', zstdCompressSync(BYTES));
      case 'a zstd file of several frames, skippable ones among them': {
        const halves = [BYTES.subarray(0, HALF), BYTES.subarray(HALF)].map((half) => zstdCompressSync(half));
        return inFile('misnamed.tar', skippable, halves[0]!, skippable, skippable, halves[1]!, skippable);
      }
      case 'a URL':
        return server.serve('/x.tar', { bytes: BYTES, etag: '"1"' });
      case 'a URL whose server does not know ranges':
        return server.serve('/x.tar', { bytes: BYTES, ranges: false });
      case 'a URL whose server tells no length':
        return server.serve('/x.tar', { bytes: BYTES, ranges: false, chunked: true });
      case 'a URL of a gzip file':
        return server.serve('/x.tar.gz', { bytes: gzipSync(BYTES) });
      case 'a URL whose server compresses on the way':
        return server.serve('/x.tar', { bytes: gzipSync(BYTES), contentEncoding: 'gzip' });
      case 'a custom shard that gives a stream':
        return { name: 'x.tar', open: () => inPieces(BYTES, 9999) };
      case 'a custom shard that gives a compressed web stream, later':
        return { name: 'x.tar', open: () => Promise.resolve(new Blob([gzipSync(BYTES)]).stream()) };
      default:
        return { name: 'x.tar', size: BYTES.length, open: () => BYTES };
    }
  }

  beforeAll(async () => {
    folder = await temporaryFolder();
    vi.stubEnv('TMPDIR', folder.path);
    server = await ShardServer.start();
    input = await prepare();
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await server[Symbol.asyncDispose]();
    await folder[Symbol.asyncDispose]();
  });

  it('is read at random, short only at its end', async () => {
    await using located = await locate(input);
    await using bytes = await openShard(located.location);
    expect(bytes.size).toBe(BYTES.length);
    const range = fc.record({
      position: fc.oneof(fc.nat(BYTES.length + 1000), fc.integer({ min: BYTES.length - 20, max: BYTES.length + 20 })),
      length: fc.oneof(fc.nat(100), fc.nat(1_500_000)),
    });
    await fc.assert(
      fc.asyncProperty(range, async ({ position, length }) => {
        const target = Buffer.alloc(length);
        const filled = await bytes.read(target, position);
        expect(filled.equals(BYTES.subarray(position, position + length))).toBe(true);
        expect(filled.length === 0 || filled.buffer === target.buffer).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('is read by many at once', async () => {
    await using located = await locate(input);
    await using bytes = await openShard(located.location);
    const positions = Array.from({ length: 30 }, (_, index) => index * 83_000);
    const parts = await Promise.all(positions.map(async (position) => bytes.read(Buffer.alloc(1000), position)));
    expect(parts.every((part, index) => part.equals(BYTES.subarray(positions[index], positions[index]! + 1000)))).toBe(true);
  });

  it('is opened by another thread from its location', async () => {
    await using located = await locate(input);
    await using bytes = await openShard(located.location);
    const program = `
      const { parentPort, workerData } = require('node:worker_threads');
      import(workerData.module).then(async ({ openShard }) => {
        await using bytes = await openShard(workerData.location);
        const target = Buffer.alloc(bytes.size);
        parentPort.postMessage((await bytes.read(target, 0)).toString('base64'));
      });`;
    const module = new URL('../src/source/open-shard.ts', import.meta.url).href;
    const worker = new Worker(program, { eval: true, workerData: { module, location: bytes.location } });
    const read = await new Promise<string>((resolve, reject) => worker.once('message', resolve).once('error', reject));
    expect(Buffer.from(read, 'base64').equals(BYTES)).toBe(true);
    await worker.terminate();
    // It was not the thread's to close.
    expect((await bytes.read(Buffer.alloc(5), 7)).equals(BYTES.subarray(7, 12))).toBe(true);
  });

  it('is refused after it was closed', async () => {
    await using located = await locate(input);
    const bytes = await openShard(located.location);
    await bytes[Symbol.asyncDispose]();
    await bytes[Symbol.asyncDispose]();
    await expect((async () => bytes.read(Buffer.alloc(1), 0))()).rejects.toMatchObject({ code: 'WDS_CLOSED' });
  });

  it('leaves no open file and no temporary file behind', async () => {
    const openFiles = (): string =>
      execFileSync('sh', ['-c', `ls -l /proc/${process.pid}/fd | grep -cE 'x\\.t|misnamed|\\.spool' || true`]).toString();
    const temporary = async (): Promise<string[]> => (await readdir(folder.path)).filter((name) => name.endsWith('.spool'));
    const before = openFiles();
    {
      await using located = await locate(input);
      await using bytes = await openShard(located.location);
      await bytes.read(Buffer.alloc(10), 0);
      expect(await temporary()).toEqual([]);
    }
    expect(openFiles()).toBe(before);
  });

  it('is described by its base name and its size as stored', async () => {
    const { name, size } = await describeShard(input);
    expect(name).toMatch(/^(x\.t(ar|ar\.gz|gz|ar\.zst)|misnamed\.tar)$/);
    const stored = typeof input === 'string' ? undefined : await sizeOf(input.open({}));
    if (stored !== undefined) expect(size).toBe(stored);
    expect(size).toBeGreaterThan(1000);
  });

  it('ends opening it when the signal is aborted', async () => {
    const controller = new AbortController();
    controller.abort(new Error('enough'));
    const opening = (async () => {
      await using located = await locate(input, { signal: controller.signal });
      await openShard(located.location, { signal: controller.signal });
    })();
    await expect(opening).rejects.toThrow('enough');
  });
});

async function sizeOf(opened: ReturnType<Exclude<ShardInput, string>['open']>): Promise<number> {
  const given = await opened;
  if (given instanceof Uint8Array) return given.length;
  let size = 0;
  for await (const piece of given) size += piece.length;
  return size;
}
