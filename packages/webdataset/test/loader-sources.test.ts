import { readdirSync, readlinkSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { integer } from '../src/decode/decoders.ts';
import { Loader } from '../src/loader.ts';
import type { LoaderOptions } from '../src/loader/loader-options.ts';
import type { CustomShard, ShardInput } from '../src/source/shard-input.ts';
import { temporaryFolder, writeImageShards } from './support.ts';

const fields = { label: integer({ from: ['cls'] }) };

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let shards: string[];
let bytes: Buffer[];
let expected: number[];
beforeAll(async () => {
  folder = await temporaryFolder();
  shards = await writeImageShards(folder.path, { shards: 4, samplesPerShard: 15 });
  bytes = await Promise.all(shards.map((shard) => readFile(shard)));
  expected = await labelsOf({ shards });
});
afterAll(() => folder[Symbol.asyncDispose]());

async function labelsOf(options: Partial<LoaderOptions<typeof fields>> & { shards: readonly ShardInput[] }): Promise<number[]> {
  await using loader = await Loader.open({ fields, batchSize: 7, workers: 0, seed: 5, shuffleBuffer: 20, ...options });
  const labels: number[] = [];
  for await (const batch of loader.epoch(0)) {
    labels.push(...batch.label);
    batch.release();
  }
  return labels;
}

/** A server of the shards that answers a request for many of their bytes only when `answer` lets it; what just asks about them is answered. */
async function serveShards(answer: (path: string, send: () => void) => void): Promise<{ urls: string[] } & AsyncDisposable> {
  const send = (path: string, range: string | undefined, response: ServerResponse): void => {
    const whole = bytes[Number(/(\d+)\.tar$/.exec(path)?.[1])]!;
    const match = /^bytes=(\d+)-(\d*)$/.exec(range ?? '');
    const start = Number(match?.[1] ?? 0);
    const end = match?.[2] ? Math.min(Number(match[2]) + 1, whole.length) : whole.length;
    response.writeHead(match ? 206 : 200, {
      'content-length': end - start,
      'accept-ranges': 'bytes',
      etag: '"1"',
      ...(match ? { 'content-range': `bytes ${start}-${end - 1}/${whole.length}` } : {}),
    });
    response.end(whole.subarray(start, end));
  };
  const server = createServer((request, response) => {
    const range = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    const isQuestion = request.method === 'HEAD' || (range !== null && Number(range[2]) - Number(range[1]) < 512);
    if (isQuestion) send(request.url!, request.headers.range, response);
    else answer(request.url!, () => send(request.url!, request.headers.range, response));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    urls: bytes.map((_, index) => `${base}/${index}.tar`),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Temporary files that are open: they have no name any more. */
function temporaryFiles(): number {
  const targets = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return ''; // It was the folder's own.
    }
  });
  return targets.filter((target) => target.endsWith(' (deleted)')).length;
}

describe.each([0, 2])('with %i workers', (workers) => {
  it('URLs, compressed files and custom shards give what the files give', async () => {
    await using server = await serveShards((_path, send) => send());
    expect(await labelsOf({ shards: server.urls, workers })).toEqual(expected);
    const custom: CustomShard[] = [
      { name: 'a', open: () => bytes[0]! },
      { name: 'b', open: async () => Promise.resolve(new Blob([bytes[1]!]).stream()) },
      {
        name: 'c',
        size: bytes[2]!.length,
        open: async function* () {
          for (let at = 0; at < bytes[2]!.length; at += 1000) yield await Promise.resolve(bytes[2]!.subarray(at, at + 1000));
        },
      },
      { name: 'd.tar.gz', open: () => gzipSync(bytes[3]!) },
    ];
    expect(await labelsOf({ shards: custom, workers })).toEqual(expected);
    const mixed: ShardInput[] = [server.urls[0]!, { name: 'b', open: () => zstdCompressSync(bytes[1]!) }, shards[2]!, custom[3]!];
    const before = temporaryFiles();
    for (let round = 0; round < 3; round++) expect(await labelsOf({ shards: mixed, workers })).toEqual(expected);
    expect(temporaryFiles(), 'temporary files are closed').toBe(before);
  });

  it('an opener that fails is a fault of its shard', async () => {
    const broken: CustomShard = { name: 'broken', open: () => Promise.reject(new Error('no such thing')) };
    await expect(labelsOf({ shards: [broken, shards[1]!], workers, shuffle: false })).rejects.toMatchObject({
      code: 'WDS_READ',
      shard: 'broken',
      message: expect.stringContaining('no such thing') as string,
    });
    expect((await labelsOf({ shards: [broken, shards[1]!], workers, onError: 'skip' })).length).toBe(15);
  });

  it('a server that never answers stops neither leaving an epoch, nor an abort, nor closing', async () => {
    const asked = Promise.withResolvers<undefined>();
    await using server = await serveShards((path, send) => {
      if (path !== '/2.tar') send();
      else asked.resolve(undefined);
    });
    const open = (signal?: AbortSignal): Promise<Loader<typeof fields>> =>
      Loader.open({ shards: server.urls, fields, batchSize: 5, workers, shuffle: false, ...(signal === undefined ? {} : { signal }) });
    for (const ending of ['leave', 'abort', 'close'] as const) {
      const controller = new AbortController();
      const loader = await open(controller.signal);
      const batches = loader.epoch(0);
      for (let batch = 0; batch < 6; batch++) (await batches.next()).value!.release();
      const next = batches.next().then(
        () => 'a batch',
        (error: unknown) => (error as Error).message,
      );
      await asked.promise;
      if (ending === 'leave') void batches.return();
      if (ending === 'abort') controller.abort(new Error('enough'));
      await loader[Symbol.asyncDispose]();
      expect(await next).toMatch({ leave: /closed/, abort: /enough/, close: /closed/ }[ending]);
    }
  });
});

describe('shards', () => {
  it('are read at the same time, as many as there are readers', async () => {
    const waiting = new Map<string, () => void>();
    const two = Promise.withResolvers<undefined>();
    await using server = await serveShards((path, send) => {
      waiting.set(path, send);
      if (waiting.size === 2) two.resolve(undefined);
    });
    const labels = labelsOf({ shards: server.urls, workers: 1 });
    await two.promise; // No answer was sent yet: two shards are being read.
    for (let turn = 0; turn < 100; turn++) await setImmediate();
    expect(waiting.size, 'and no more than that').toBe(2);
    const open = setInterval(() => {
      for (const [path, send] of waiting) {
        waiting.delete(path);
        send();
      }
    }, 1);
    expect(await labels).toEqual(expected);
    clearInterval(open);
  });

  it('that are compressed are open until their last sample is decoded, and no longer', async () => {
    const compressed: ShardInput[] = bytes.map((shard, index) => ({ name: `${index}`, open: () => gzipSync(shard) }));
    await using loader = await Loader.open({ shards: compressed, fields, batchSize: 5, workers: 0, shuffle: false, slots: 3 });
    const before = temporaryFiles();
    const open: number[] = [];
    for await (const batch of loader.epoch(0)) {
      open.push(temporaryFiles() - before);
      batch.release();
    }
    expect(Math.max(...open), 'shards are spooled one by one').toBeLessThanOrEqual(2);
    expect(temporaryFiles()).toBe(before);
    // In the middle of an epoch, and with references in the buffer.
    await using shuffled = await Loader.open({ shards: compressed, fields, batchSize: 5, workers: 0, shuffleBuffer: 40 });
    for await (const batch of shuffled.epoch(0)) {
      expect(temporaryFiles() - before).toBeGreaterThan(2);
      batch.release();
      break;
    }
    expect(temporaryFiles()).toBe(before);
  });
});
