import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readdirSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { INDEX_CHANNEL } from '../src/shard-index/index-events.ts';
import { indexPathOf } from '../src/shard-index/index-path.ts';
import { indexShard } from '../src/shard-index/index-shard.ts';
import { findIndex, indexShards } from '../src/shard-index/index-shards.ts';
import { formatIndex } from '../src/shard-index/index-text.ts';
import { type RawSample, ShardReader } from '../src/shard-reader.ts';
import type { ShardInput } from '../src/source/shard-input.ts';
import { encodeMember, END_OF_ARCHIVE } from '../src/tar/writer.ts';
import { temporaryFolder } from './support.ts';

/** Names and data of the members of the shard that most tests read. */
const MEMBERS: readonly (readonly [name: string, data: string])[] = [
  ...Array.from({ length: 30 }, (_, number): [string, string][] => [
    [`train/${number}.cls`, String(number)],
    [`train/${number}.txt`, `text ${number} `.repeat(number * 7)],
  ]).flat(),
  ['train/3.cls', 'the key a second time, not adjacent'],
  [`${'long/'.repeat(30)}käse.empty`, ''],
];

function tarOf(members: readonly (readonly [name: string, data: string])[]): Buffer {
  return Buffer.concat([...members.flatMap(([name, data]) => encodeMember({ name, data: Buffer.from(data), mtime: 0 })), END_OF_ARCHIVE]);
}

const LENGTH = 32;

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let indexDir: string;
let server: Server;
let origin: string;
const requests: string[] = [];

beforeAll(async () => {
  folder = await temporaryFolder();
  indexDir = join(folder.path, 'indexes');
  const bytes = tarOf(MEMBERS);
  await writeFile(join(folder.path, 'plain.tar'), bytes);
  await writeFile(join(folder.path, 'a.tar.gz'), gzipSync(bytes));
  await writeFile(join(folder.path, 'a.tar.zst'), zstdCompressSync(bytes));
  server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://x');
    const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '');
    requests.push(`${pathname} ${request.headers.range ?? 'all'}`);
    readFile(join(folder.path, pathname)).then(
      (file) => {
        const headers = { etag: '"1"', 'last-modified': new Date(1e12).toUTCString() };
        if (range === null || searchParams.has('whole')) return response.writeHead(200, headers).end(file);
        const [start, end] = [Number(range[1]), range[2] === '' ? file.length : Math.min(file.length, Number(range[2]) + 1)];
        if (start >= file.length) return response.writeHead(416, { 'content-range': `bytes */${file.length}` }).end();
        return response
          .writeHead(206, { ...headers, 'content-range': `bytes ${start}-${end - 1}/${file.length}` })
          .end(file.subarray(start, end));
      },
      () => response.writeHead(404).end(),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  server.close();
  await folder[Symbol.asyncDispose]();
});

function textOf({ fields }: RawSample): Record<string, string> {
  return Object.fromEntries([...fields].map(([field, data]) => [field, data.toString()]));
}

function expectedSample(number: number): Record<string, string> {
  return { cls: String(number), txt: `text ${number} `.repeat(number * 7) };
}

describe('a shard reader', () => {
  const kinds: [kind: string, shard: () => ShardInput][] = [
    ['a file', () => join(folder.path, 'plain.tar')],
    ['a gzip file', () => join(folder.path, 'a.tar.gz')],
    ['a zstd file', () => join(folder.path, 'a.tar.zst')],
    ['a URL', () => `${origin}/plain.tar`],
    ['a URL of a server without ranges', () => `${origin}/plain.tar?whole=1`],
    ['a URL of a gzip file', () => `${origin}/a.tar.gz`],
    ['bytes in memory', () => ({ name: 'mine', open: () => tarOf(MEMBERS) })],
  ];
  it.each(kinds)('gives any sample of %s, by key or number, in any order and side by side', async (_, shard) => {
    for (const pass of ['the first pass, which indexes', 'the second one']) {
      await using reader = await ShardReader.open(shard(), { indexDir });
      expect(reader.length, pass).toBe(LENGTH);
      expect([...reader.keys()]).toEqual([
        ...Array.from({ length: 30 }, (_, number) => `train/${number}`),
        'train/3',
        `${'long/'.repeat(30)}käse`,
      ]);
      const numbers = Array.from({ length: 30 }, (_, number) => (number * 7) % 30);
      const samples = await Promise.all(numbers.map((number) => (number % 2 === 0 ? reader.at(number) : reader.get(`train/${number}`))));
      expect(samples.map(textOf)).toEqual(numbers.map(expectedSample));
      expect(samples.map(({ number, key }) => [number, key])).toEqual(numbers.map((number) => [number, `train/${number}`]));
      expect(textOf(await reader.get(LENGTH - 1))).toEqual({ empty: '' });
      expect(textOf(await reader.get('train/3'))).toEqual(expectedSample(3));
      expect(textOf(await reader.at(30))).toEqual({ cls: 'the key a second time, not adjacent' });
      expect(reader.has('train/3')).toBe(true);
      expect(reader.has('3')).toBe(false);
    }
  });

  it('fetches only what it needs of a URL whose shard has an index beside it', async () => {
    await writeFile(join(folder.path, 'indexed.tar'), tarOf(MEMBERS));
    await writeFile(join(folder.path, 'indexed.idx'), formatIndex(await indexShard(join(folder.path, 'indexed.tar'))));
    requests.length = 0;
    const url = `${origin}/indexed.tar?sig=secret`;
    expect(await indexShards([url], { indexDir, index: 'existing' })).toEqual([LENGTH]);
    await using reader = await ShardReader.open(url, { indexDir });
    expect(textOf(await reader.get('train/29'))).toEqual(expectedSample(29));
    expect(requests).toContain('/indexed.idx all');
    expect(requests).not.toContain('/indexed.tar all');
    expect(reader.name).toBe(`${origin}/indexed.tar`);
  });

  it('says what it has not got', async () => {
    await using reader = await ShardReader.open(join(folder.path, 'plain.tar'), { indexDir });
    await expect(reader.get('train/30')).rejects.toThrow(
      expect.objectContaining({
        code: 'WDS_NOT_FOUND',
        message: expect.stringContaining('no sample with the key "train/30" among the 32') as string,
      }),
    );
    for (const number of [-1, 32, 0.5, NaN]) {
      await expect(reader.at(number)).rejects.toThrow(
        expect.objectContaining({ code: 'WDS_NOT_FOUND', message: expect.stringContaining('numbers go from 0 to 31') as string }),
      );
    }
    await writeFile(join(folder.path, 'empty.tar'), END_OF_ARCHIVE);
    await using empty = await ShardReader.open(join(folder.path, 'empty.tar'), { indexDir });
    expect([empty.length, ...empty.keys()]).toEqual([0]);
    await expect(empty.at(0)).rejects.toThrow(/the shard is empty/);
    await expect(ShardReader.open(join(folder.path, 'missing.tar'), { indexDir })).rejects.toThrow(
      expect.objectContaining({ code: 'WDS_READ' }),
    );
    await writeFile(join(folder.path, 'cut.tar'), tarOf(MEMBERS).subarray(0, 3000));
    await expect(ShardReader.open(join(folder.path, 'cut.tar'), { indexDir })).rejects.toThrow(
      expect.objectContaining({ code: 'WDS_TRUNCATED' }),
    );
  });

  it('refuses a sample that has an extension twice, by way of an index, too', async () => {
    const path = join(folder.path, 'twice.tar');
    await writeFile(
      path,
      tarOf([
        ['a.jpg', '1'],
        ['a.JPG', '2'],
        ['b.jpg', '3'],
      ]),
    );
    for (let pass = 0; pass < 2; pass++) {
      await using reader = await ShardReader.open(path, { indexDir });
      await expect(reader.get('a')).rejects.toThrow(expect.objectContaining({ code: 'WDS_DUPLICATE_FIELD', key: 'a', offset: 1024 }));
      expect(textOf(await reader.get('b'))).toEqual({ jpg: '3' });
    }
  });

  it('has keys with blanks, which no stored index tells', async () => {
    const path = join(folder.path, 'blanks.tar');
    await writeFile(
      path,
      tarOf([
        ['one two.txt', 'x'],
        ['three.txt', 'y'],
      ]),
    );
    for (let pass = 0; pass < 2; pass++) {
      await using reader = await ShardReader.open(path, { indexDir });
      expect([...reader.keys()]).toEqual(['one two', 'three']);
      expect(textOf(await reader.get('one two'))).toEqual({ txt: 'x' });
    }
    expect((await findIndex(path, { indexDir }))?.samples.map(({ key }) => key)).toEqual([undefined, undefined]);
  });

  it('has keys where the index beside the shard tells none, after one pass over it', async () => {
    const path = join(folder.path, 'nameless.tar');
    await writeFile(
      path,
      tarOf([
        ['a.txt', 'x'],
        ['b.txt', 'y'],
      ]),
    );
    await writeFile(indexPathOf(path), 'v1.1 2\ntxt 512 1\ntxt 1536 1\n');
    const built: unknown[] = [];
    const listen = (event: unknown): void => void built.push(event);
    subscribe(INDEX_CHANNEL, listen);
    for (let pass = 0; pass < 2; pass++) {
      await using reader = await ShardReader.open(path, { indexDir });
      expect(textOf(await reader.get('b'))).toEqual({ txt: 'y' });
    }
    unsubscribe(INDEX_CHANNEL, listen);
    expect(built).toEqual([{ kind: 'built', shard: path, samples: 2 }]);
  });

  it('never gives the bytes of another version of the shard', async () => {
    const path = join(folder.path, 'changing.tar');
    await writeFile(
      path,
      tarOf([
        ['a.txt', 'first'],
        ['b.txt', 'second'],
        ['c.txt', 'third'],
      ]),
    );
    await using reader = await ShardReader.open(path, { indexDir });
    await writeFile(
      path,
      tarOf([
        ['a.txt', 'first'],
        ['x.txt', 'other!'],
        ['c.txt', 'third'],
      ]),
    );
    expect(textOf(await reader.get('a'))).toEqual({ txt: 'first' });
    await expect(reader.get('b')).rejects.toThrow(
      expect.objectContaining({
        code: 'WDS_CHANGED',
        key: 'b',
        message: expect.stringMatching(/is "x\.txt", not "b\.txt".*open it again/) as string,
      }),
    );
    await writeFile(path, tarOf([['a.txt', 'first']]));
    await expect(reader.get('c')).rejects.toThrow(expect.objectContaining({ code: 'WDS_CHANGED' }));
  });

  it('reads by an index whose places are wrong in the middle only where they are right', async () => {
    const path = join(folder.path, 'middle.tar');
    await writeFile(
      path,
      tarOf([
        ['a.txt', 'first'],
        ['b.txt', 'second'],
        ['c.txt', 'third'],
      ]),
    );
    await utimes(path, 1, 1);
    const text = formatIndex(await indexShard(path));
    await writeFile(indexPathOf(path), text.replace('1536 6 b.txt', '1536 5 b.txt'));
    await using reader = await ShardReader.open(path, { indexDir });
    expect(textOf(await reader.get('c'))).toEqual({ txt: 'third' });
    await expect(reader.get('b')).rejects.toThrow(/at byte 1536 are 6 bytes of data, not 5/);
  });

  it('gives everything back when it is closed, or cannot be opened', async () => {
    const descriptors = (): number => readdirSync('/proc/self/fd').length;
    for (const [, shard] of kinds) await (await ShardReader.open(shard(), { indexDir }))[Symbol.asyncDispose]();
    const before = descriptors();
    for (const name of ['plain.tar', 'a.tar.gz']) {
      for (let run = 0; run < 5; run++) {
        const reader = await ShardReader.open(join(folder.path, name), { indexDir });
        await reader.at(0);
        await reader[Symbol.asyncDispose]();
        await reader[Symbol.asyncDispose]();
        await expect(reader.at(0)).rejects.toThrow(expect.objectContaining({ code: 'WDS_CLOSED' }));
      }
    }
    for (const name of ['cut.tar', 'missing.tar']) await expect(ShardReader.open(join(folder.path, name), { indexDir })).rejects.toThrow();
    const broken = { name: 'broken', open: () => Buffer.alloc(2048, 'x') };
    for (let run = 0; run < 5; run++) await expect(ShardReader.open(broken, { indexDir })).rejects.toThrow(/no tar header/);
    expect(descriptors()).toBe(before);
  });

  it('stops opening on an abort', async () => {
    const signal = AbortSignal.abort(new Error('not any more'));
    await expect(ShardReader.open(join(folder.path, 'plain.tar'), { indexDir, signal })).rejects.toThrow('not any more');
    await expect(ShardReader.open({ name: 'x', open: () => tarOf(MEMBERS) }, { indexDir, signal })).rejects.toThrow('not any more');
  });
});
