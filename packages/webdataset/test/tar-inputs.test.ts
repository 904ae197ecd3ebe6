import { execFile, execFileSync } from 'node:child_process';
import { createReadStream } from 'node:fs';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebDatasetError } from '../src/errors.ts';
import { groupSamples } from '../src/sample.ts';
import type { TarInput } from '../src/tar/open-archive.ts';
import { readTar, scanTar, type TarEntry } from '../src/tar/reader.ts';
import { encodeMember, END_OF_ARCHIVE, type TarFile } from '../src/tar/writer.ts';
import { ShardServer } from './shard-server.ts';
import { collect, python, temporaryFolder } from './support.ts';
import { pythonListings } from './tar-oracles.ts';

/** Members around the size of a window (2 MiB of a file, 1.1 MiB of a stream) and of its headroom, with PAX headers among them. */
const FILES: TarFile[] = [
  10, 700_000, 0, 512, 5_000_000, 1_000_000, 1, 1_500_000, 511, 2_097_152, 1_114_112, 900_000, 300_000, 2_500_000, 3, 1_900_000, 20_000,
].map((size, index) => ({
  name: `${index % 3 === 0 ? 'n'.repeat(120) : ''}${index}.bin`,
  data: Buffer.alloc(size, `${index} of these bytes;`),
}));
const ARCHIVE = Buffer.concat([...FILES.flatMap((file) => encodeMember(file)), END_OF_ARCHIVE]);

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let server: ShardServer;

beforeAll(async () => {
  folder = await temporaryFolder();
  server = await ShardServer.start();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

async function inFile(name: string, bytes: Uint8Array): Promise<string> {
  await writeFile(join(folder.path, name), bytes);
  return join(folder.path, name);
}

const INPUTS: readonly (readonly [string, (bytes: Buffer) => TarInput | Promise<TarInput>])[] = [
  ['a path', (bytes) => inFile('x.tar', bytes)],
  ['a path of a gzip file', (bytes) => inFile('x.tar.gz', gzipSync(bytes))],
  ['a path of a zstd file', (bytes) => inFile('x.tar.zst', zstdCompressSync(bytes))],
  ['a URL', (bytes) => server.serve('/x.tar', { bytes, faults: [{ kind: 'drop', after: bytes.length >> 1 }], etag: '"1"' })],
  ['bytes in memory', (bytes) => bytes],
  ['bytes in memory that do not lie on a word', (bytes) => new Uint8Array(Buffer.concat([Buffer.alloc(1), bytes])).subarray(1)],
  ['compressed bytes in memory', (bytes) => gzipSync(bytes)],
  ['a Node stream', async (bytes) => createReadStream(await inFile('stream.tar', bytes))],
  ['a web stream, compressed', (bytes) => new Blob([zstdCompressSync(bytes)]).stream()],
  ['a generator of crumbs', (bytes) => inPieces(bytes, 1001)],
  ['a custom shard', (bytes) => ({ name: 'x', open: () => Promise.resolve(Readable.from(inPieces(bytes, 70_000))) })],
  ['a custom shard in memory', (bytes) => ({ name: 'x', open: () => bytes })],
];

describe.each(INPUTS)('readTar of %s', (kind, toInput) => {
  it('gives every member and all of its data', async () => {
    const entries: TarEntry[] = await collect(readTar(await toInput(ARCHIVE)));
    expect(entries.map(({ member }) => member.name)).toEqual(FILES.map(({ name }) => name));
    // After the last one was handed out: views stay valid.
    expect(entries.every(({ data }, index) => data.equals(FILES[index]!.data))).toBe(true);
    expect(await collect(scanTar(await toInput(ARCHIVE)))).toEqual(entries.map(({ member }) => member));
  });

  it('gives the same with memory that is used again, as long as nobody holds on to it', async () => {
    let count = 0;
    for await (const { member, data } of readTar(await toInput(ARCHIVE), { reuseMemory: true })) {
      expect(member.name).toBe(FILES[count]!.name);
      expect(data.equals(FILES[count]!.data)).toBe(true);
      count++;
    }
    expect(count).toBe(FILES.length);
  });

  it('says where it is cut off, with the same members before that', async () => {
    const cut = ARCHIVE.subarray(0, ARCHIVE.length - 1_000_000);
    const listing = async (members: AsyncIterable<unknown>): Promise<{ count: number; error: unknown }> => {
      let count = 0;
      try {
        for (const iterator = members[Symbol.asyncIterator](); !(await iterator.next()).done;) count++;
        return { count, error: undefined };
      } catch (error) {
        return { count, error };
      }
    };
    for (const read of [readTar, scanTar]) {
      const { count, error } = await listing(read(await toInput(cut), { name: 'x' }));
      expect(count).toBe(FILES.length - 2);
      expect(error).toBeInstanceOf(WebDatasetError);
      expect(error).toMatchObject({ code: 'WDS_TRUNCATED', shard: 'x', offset: expect.any(Number) as number });
    }
  });

  it('is closed by leaving the loop, and reads no second time', async () => {
    const members = readTar(await toInput(ARCHIVE));
    for await (const { member } of members) {
      expect(member.name).toBe(FILES[0]!.name);
      break;
    }
    expect(await members.next()).toEqual({ done: true, value: undefined });
    const files = execFileSync('sh', ['-c', `ls -l /proc/${process.pid}/fd | grep -c ${folder.path} || true`]).toString();
    if (kind !== 'a Node stream') expect(Number(files)).toBe(0);
  });
});

describe('readTar', () => {
  it('gives members in order to calls of next that do not wait for each other', async () => {
    const members = readTar(await inFile('x.tar', ARCHIVE));
    const results = await Promise.all(Array.from({ length: FILES.length + 3 }, () => members.next()));
    expect(results.map(({ value }) => value?.member.name)).toEqual([...FILES.map(({ name }) => name), undefined, undefined, undefined]);
  });

  it('ends with the reason of its signal while a stream hangs', async () => {
    const controller = new AbortController();
    const hanging = (async function* () {
      yield await Promise.resolve(ARCHIVE.subarray(0, 100_000));
      await new Promise(() => undefined);
    })();
    const reading = collect(readTar(hanging, { signal: controller.signal }));
    controller.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
  });

  it('holds a bounded part of a long stream in memory, compressed or not', async () => {
    const program = `
      import { createGzip } from 'node:zlib';
      import { Readable } from 'node:stream';
      const { readTar } = await import(${JSON.stringify(new URL('../src/tar/reader.ts', import.meta.url).href)});
      const { encodeMember, END_OF_ARCHIVE } = await import(${JSON.stringify(new URL('../src/tar/writer.ts', import.meta.url).href)});
      async function* archive() {
        const data = Buffer.alloc(100_000);
        for (let index = 0; index < 2000; index++) yield* encodeMember({ name: index + '.bin', data });
        yield END_OF_ARCHIVE;
      }
      let bytes = 0;
      for await (const { data } of readTar(archive())) bytes += data.length;
      for await (const { data } of readTar(Readable.from(archive()).pipe(createGzip({ level: 1 })))) bytes += data.length;
      console.log(JSON.stringify({ bytes, peakMiB: process.resourceUsage().maxRSS / 1024 }));`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program]);
    const { bytes, peakMiB } = JSON.parse(stdout) as { bytes: number; peakMiB: number };
    expect(bytes).toBe(400_000_000);
    expect(peakMiB).toBeLessThan(250);
  });

  it('reads what lies behind members beyond 8 GiB', async () => {
    const path = join(folder.path, 'huge.tar');
    const size = 9 * 2 ** 30 + 5;
    // Nearly all of it is a hole, which takes no room on the disk.
    const headers = (format: string, name: string): Buffer =>
      Buffer.from(
        python(
          `import json, sys, tarfile; info = tarfile.TarInfo('${name}'); info.size = ${size}; json.dump(info.tobuf(tarfile.${format}).hex(), sys.stdout)`,
          null,
        ) as string,
        'hex',
      );
    const file = await open(path, 'w');
    const offsets: number[] = [];
    let at = 0;
    for (const [format, name] of [
      ['GNU_FORMAT', 'base-256'],
      ['PAX_FORMAT', 'pax'],
    ] as const) {
      const block = headers(format, name);
      await file.write(block, 0, block.length, at);
      offsets.push(at + block.length);
      at += block.length + Math.ceil(size / 512) * 512;
    }
    const end = Buffer.concat([...encodeMember({ name: 'last.txt', data: Buffer.from('behind') }), END_OF_ARCHIVE]);
    await file.write(end, 0, end.length, at);
    await file.close();
    const members = await collect(scanTar(path));
    expect(members.map(({ name, size: found, offset }) => ({ name, found, offset }))).toEqual([
      { name: 'base-256', found: size, offset: offsets[0] },
      { name: 'pax', found: size, offset: offsets[1] },
      { name: 'last.txt', found: 6, offset: at + 512 },
    ]);
    expect(execFileSync('tar', ['-xOf', path, 'last.txt']).toString()).toBe('behind');
  });
});

/** How Python webdataset 1.0.2 groups, in the terms of its `base_plus_ext` and `group_by_keys`. */
const GROUP = `
import json, re, sys, tarfile
samples = []
for m in tarfile.open(json.load(sys.stdin)):
    if not m.isreg() or re.match(r'__[^/]*__($|/)', m.name): continue
    match = re.match(r'^((?:.*/|)[^.]+)[.]([^/]*)$', m.name)
    if not match: continue
    key, ext = match.groups()
    if not samples or samples[-1][0] != key: samples.append([key, []])
    samples[-1][1].append(ext.lower())
json.dump(samples, sys.stdout)`;

describe('a shard packed by GNU tar from a folder', () => {
  it.each([
    ['tar cf x.tar dir/', ['dir/']],
    ['tar cf x.tar .', ['.']],
    ['tar cf x.tar ./dir', ['./dir']],
    ['tar cf x.tar --format=posix dir', ['--format=posix', 'dir']],
    ['tar czf x.tar dir/', ['-z', 'dir/']],
    ['tar --zstd cf x.tar dir/', ['--zstd', 'dir/']],
  ])('by `%s` has the samples and keys that Python sees', async (command, args) => {
    const root = join(folder.path, 'to-pack');
    await mkdir(join(root, 'dir/sub/__meta__'), { recursive: true });
    await mkdir(join(root, '__meta__'), { recursive: true });
    for (const name of [
      'dir/1.jpg',
      'dir/1.CLS',
      'dir/2.seg.png',
      'dir/2.cls',
      'dir/sub/1.jpg',
      'dir/noext',
      'dir/sub/__meta__/a.json',
      '__meta__/x.json',
      'top.cls',
    ]) {
      await writeFile(join(root, name), name);
    }
    const path = join(folder.path, 'packed.tar');
    execFileSync('tar', ['--sort=name', '-cf', path, ...args], { cwd: root });
    const samples = await collect(groupSamples(readTar(path), path));
    const ours = samples.map(({ key, fields }) => [key, [...fields.keys()]]);
    if (command.includes('zstd')) {
      // Python 3.11 knows no zstd.
      expect(ours).toHaveLength(4);
      return;
    }
    expect(ours).toEqual(python(GROUP, path));
    expect(ours.length).toBeGreaterThan(2);
    expect((await collect(readTar(path))).map(({ member }) => member.name)).toEqual(pythonListings([path])[0]!.map(({ name }) => name));
  });
});
